// The whole service with a PgBouncer in front of each of two servers: what organizations do, what operators do to them, and a pooler that dies.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { archiveServices } from '../../../src/cli/archive-tenant.js'
import { checkPoolers } from '../../../src/cli/check-poolers.js'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { type Message } from '../../../src/features/messages/schemas.js'
import { deleteSaga } from '../../../src/tenancy/lifecycle/delete-tenant.js'
import { moveSaga } from '../../../src/tenancy/lifecycle/move-tenant.js'
import { archiveTenant, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { composedPgBouncer } from '../../helpers/composed-pgbouncer.js'
import { makeFolder, startFor } from '../../helpers/embedded-postgres.js'
import { skipWithoutPgBouncer } from '../../helpers/pgbouncer-process.js'
import { connect, databaseUrl } from '../../helpers/provisioning-ground.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

t.setTimeout(180_000)

const asked = { requestedBy: 'tests' }
const texts = 60

void t.test('the service through PgBouncer', { skip: skipWithoutPgBouncer }, async (t) => {
  const [east, west] = await Promise.all([startFor(t, { dataDir: await makeFolder(t), maxConnections: 100 }), startFor(t, { dataDir: await makeFolder(t), maxConnections: 100 })])
  const poolers = { east: await composedPgBouncer(t, east), west: await composedPgBouncer(t, west) }
  const app = await buildTestApp(t, {
    carrier: true,
    config: {
      TENANT_SERVERS: `east=${east.adminUrl},west=${west.adminUrl}`,
      TENANT_POOLERS: `east=${poolers.east.address},west=${poolers.west.address}`,
      RATE_LIMIT_PER_MINUTE: 100_000,
      DATABASE_WAIT_MS: 2_000
    }
  })
  const { services } = app
  const other = await app.anotherProcess()
  const organization = await app.signUp()
  const { tenantId } = organization
  const neighbour = await app.signUp('studio')
  const api = apiOf(app.app, organization)
  const there = apiOf(other.app, organization)
  const admin = await connect(east.adminUrl)
  t.teardown(() => admin.end())
  const kept = async () => (await admin.query('SELECT FROM pg_stat_activity WHERE usename = $1', [`tenant_${tenantId}`])).rows.length
  const tags = async () => (await services.tenancy.withTenant(tenantId, (db) => db.selectFrom('tags').select('name').execute())).map(({ name }) => name)

  await t.test('an organization signs up, adds its people and texts them; another sees nothing of it', async (t) => {
    t.equal((await api('POST', '/members', { firstName: 'Ana', lastName: 'Reyes', phone: '+16155557000' })).status, 201)
    await services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(services.keyring, tenantId) }, texts, 'opted_in', 1_000))
    await app.addNumber(organization)
    const worker = await app.startWorker()
    const { body: { id } } = await api<Message>('POST', '/messages', { text: 'Hello all', to: { all: true } })
    const { body } = await until(async () => {
      const answer = await api<Message>('GET', `/messages/${id}`)
      return answer.body.counts.delivered >= texts && answer
    }, 60_000)
    t.match(body.counts, { failed: 0, unknown: 0, queued: 0, sending: 0 })
    await worker.stop()
    t.match((await apiOf(app.app, neighbour)<{ items: unknown[] }>('GET', '/members')).body.items, [])
    t.equal((await apiOf(app.app, neighbour)('GET', `/messages/${id}`)).status, 404)
    await tags()
    t.ok(await kept() > 0, 'the pooler keeps what nobody uses for two seconds')
  })

  await t.test('one that is suspended is refused at once in every process, and let in again', async (t) => {
    await services.provisioner.suspend(tenantId)
    await until(async () => (await there('GET', '/tags')).code === 'TENANT_SUSPENDED')
    t.match(await api('GET', '/tags'), { status: 403, code: 'TENANT_SUSPENDED' })
    await services.provisioner.resume(tenantId)
    await until(async () => (await there('GET', '/tags')).status === 200)
  })

  await t.test('while the pooler is dead its organizations are answered 503, and 200 once it is back', async (t) => {
    const doctor = async () => (await checkPoolers(services)).find(({ name }) => name === 'pooler east')
    t.match(await doctor(), { state: 'ok', detail: 'lets organizations in' })
    await poolers.east.kill()
    t.match(await doctor(), { state: 'failed', next: /TENANT_POOLERS/ }, 'the doctor says so')
    for (let n = 0; n < 6; n++) t.match(await api('POST', '/tags', { name: `never ${n}` }), { status: 503, code: 'DATABASE_UNAVAILABLE' })
    await poolers.east.restart()
    await until(async () => (await api('GET', '/tags')).status === 200)
    t.strictSame(await tags(), [])
  })

  await t.test('a move that is taken back leaves no session that can only read', async (t) => {
    const inside = async (statement: string): Promise<void> => {
      const client = await connect(databaseUrl(east.adminUrl, `tenant_${tenantId}`))
      await client.query(statement)
      await client.end()
    }
    await inside('INSERT INTO pgmigrations (name, run_on) VALUES (\'unknown\', now())')
    const over = new AbortController()
    const reading = Promise.all([api, there].map(async (ask) => {
      while (!over.signal.aborted) {
        await ask('GET', '/tags')
        await pause(2)
      }
    }))
    await t.rejects(services.operations.perform(moveSaga, tenantId, { to: 'west' }, asked), /another schema/)
    over.abort()
    await reading
    await inside('DELETE FROM pgmigrations WHERE name = \'unknown\'')
    const answers = await Promise.all(Array.from({ length: 24 }, (_, n) => (n % 2 === 0 ? api : there)('POST', '/tags', { name: `back ${n}` })))
    t.strictSame(new Set(answers.map(({ status }) => status)), new Set([201]))
  })

  await t.test('a move under writes from two processes: what was accepted is there, what was refused is not, and reads go on', async (t) => {
    const before = await tags()
    const over = new AbortController()
    const accepted: string[] = []
    const refused: string[] = []
    const read = new Map<number, number>()
    const traffic = async (ask: typeof api, who: string): Promise<void> => {
      for (let n = 0; !over.signal.aborted; n++) {
        const name = `${who} ${n}`
        const { status, code = '' } = await ask('POST', '/tags', { name })
        if (status === 201) accepted.push(name)
        else refused.push(`${status} ${code}`)
        const { status: how } = await ask('GET', '/tags')
        read.set(how, (read.get(how) ?? 0) + 1)
        await pause(2)
      }
    }
    const going = Promise.all([traffic(api, 'a'), traffic(api, 'b'), traffic(there, 'c'), traffic(there, 'd')])
    await until(async () => accepted.length > 40)
    const begun = performance.now()
    await services.operations.perform(moveSaga, tenantId, { to: 'west' }, asked)
    const took = performance.now() - begun
    const atEnd = accepted.length
    await until(async () => accepted.length > atEnd + 40)
    over.abort()
    await going
    t.strictSame(new Set(await tags()), new Set([...before, ...accepted]))
    t.equal((await tags()).length, before.length + accepted.length)
    t.ok(refused.length > 0 && refused.every((how) => /^503 (TENANT_MOVING|DATABASE_UNAVAILABLE)$/.test(how)), [...new Set(refused)].join())
    const failed = [...read].filter(([status]) => status !== 200)
    t.ok(failed.every(([status, times]) => status === 503 && times <= 4), JSON.stringify([...read]))
    t.comment(`${Math.round(took)} ms, ${accepted.length} accepted, ${refused.length} refused, reads ${JSON.stringify([...read])}`)
    t.equal((await services.operations.tenant(tenantId)).server.name, 'west')
    t.strictSame((await admin.query('SELECT FROM pg_database WHERE datname = $1', [`tenant_${tenantId}`])).rows, [])
  })

  await t.test('archived, restored and deleted although the pooler keeps sessions, and without waiting for it to let them go', async (t) => {
    const count = (await tags()).length
    const archive = archiveServices({ ...services, registryUrl: app.registry.url })
    const begun = performance.now()
    await archiveTenant(archive, tenantId, asked)
    t.comment(`archived in ${Math.round(performance.now() - begun)} ms`)
    await until(async () => (await api('GET', '/tags')).code === 'TENANT_ARCHIVED')
    await restoreArchived(archive, tenantId, 'east', asked)
    await until(async () => (await api('GET', '/tags')).status === 200)
    t.equal((await tags()).length, count)
    t.ok(await kept() > 0)
    await services.operations.perform(deleteSaga, tenantId, {}, asked)
    t.equal(await kept(), 0)
    t.strictSame((await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [`tenant_${tenantId}`])).rows, [])
    t.equal((await apiOf(app.app, neighbour)('GET', '/tags')).status, 200)
  })
})
