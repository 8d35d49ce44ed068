// A move under a running service: a broadcast with the carrier, webhooks and requests go on as if nothing had happened, but for some refused writes.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Type } from 'typebox'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { problem } from '../../../src/errors.js'
import { type Message } from '../../../src/features/messages/schemas.js'
import { defineJob } from '../../../src/jobs/define-job.js'
import { startWorker } from '../../../src/jobs/worker.js'
import { moveSaga } from '../../../src/tenancy/lifecycle/move-tenant.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { twoServers } from '../../helpers/second-server.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

t.setTimeout(300_000)

const texts = 600

void t.test('a broadcast and texts that come in while the organization is moved: none twice, none lost, and reads are answered', async (t) => {
  const { TENANT_SERVERS } = await twoServers(t)
  const app = await buildTestApp(t, { carrier: true, config: { TENANT_SERVERS, SEND_CONCURRENCY: 12, RATE_LIMIT_PER_MINUTE: 100_000 } })
  const organization = await app.signUp()
  const { tenantId } = organization
  const { number } = await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  // Lines from 1000 on: among those before are phones that force a failure.
  await app.services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, texts, 'opted_in', 1_000))
  const carrier = async <T>(method: string, path: string, body?: object) => {
    const response = await fetch(`${app.carrier!.url}/sandbox/${path}`, { method, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    return await response.json() as T
  }
  const counts = () => carrier<{ accepted: number, duplicates: number }>('GET', 'counts')
  await carrier('PUT', 'faults', { latencyMs: 80, duplicateWebhook: 0.1 })
  await app.startWorker()
  const other = await app.anotherProcess()
  const { body: { id } } = await api<Message>('POST', '/messages', { text: 'Hello all', to: { all: true } })
  await until(async () => (await counts()).accepted > 60, 60_000)

  const over = new AbortController()
  const answers = { read: [] as number[], written: [] as Array<{ status: number, code: string | undefined }> }
  const traffic = async (): Promise<void> => {
    for (let n = 0; !over.signal.aborted; n++) {
      answers.read.push((await api('GET', `/messages/${id}`)).status, (await api('GET', '/conversations')).status)
      const { status, code } = await api('POST', '/tags', { name: `tag ${n}` })
      answers.written.push({ status, code })
      await pause(5)
    }
  }
  const going = traffic()
  const moving = other.services.operations.perform(moveSaga, tenantId, { to: 'west' }, { requestedBy: 'tests' })
  await until(async () => answers.written.some(({ status }) => status === 503), 60_000)
  await carrier('POST', 'inbound', { from: '+16155551000', to: number, text: 'While you move' })
  await moving
  const atEnd = (await counts()).accepted
  await until(async () => answers.written.at(-1)?.status === 201, 60_000)
  over.abort()
  await going

  t.ok(atEnd < texts, `the broadcast was still under way when the move had ended: ${atEnd} of ${texts}`)
  t.strictSame(new Set(answers.read), new Set([200]))
  t.strictSame(new Set(answers.written.map(({ status, code = '' }) => `${status} ${code}`)), new Set(['201 ', '503 TENANT_MOVING']))
  const tags = await app.services.tenancy.withTenant(tenantId, (db) => db.selectFrom('tags').select('id').execute())
  t.equal(tags.length, answers.written.filter(({ status }) => status === 201).length, 'what was accepted is there, what was refused is not')
  const done = await until(async () => {
    const { body } = await api<Message>('GET', `/messages/${id}`)
    return body.counts.delivered + body.counts.failed + body.counts.unknown === texts && body
  }, 120_000)
  t.match(done.counts, { delivered: texts, unknown: 0, queued: 0, sending: 0 }, 'each is known to be delivered')
  t.match(await counts(), { accepted: texts, duplicates: 0 })
  await until(async () => (await api<{ items: unknown[] }>('GET', '/conversations')).body.items.length === 1, 60_000)
  const { rows } = await app.services.registryPool.query('SELECT s.name FROM tenants t JOIN database_servers s ON s.id = t.server_id WHERE t.id = $1', [tenantId])
  t.strictSame(rows, [{ name: 'west' }])
})

void t.test('a job that meets a move is done afterwards and uses up none of its attempts', async (t) => {
  const { services } = await buildTestApp(t)
  const attempts: number[] = []
  const job = defineJob('tests.moving', Type.Object({}), async (_payload, _services: unknown, { attempt }) => {
    attempts.push(attempt)
    if (attempts.length < 3) throw problem('TENANT_MOVING')
  })
  for (const key of [undefined, 'a key']) {
    attempts.length = 0
    await services.jobs.enqueue(job, {}, { maxAttempts: 1, ...(key === undefined ? {} : { key }) })
    const { registryPool: pool, log, metrics } = services
    const worker = await startWorker({ pool, services, jobs: [job], concurrency: 1, drainMs: 1_000, log, metrics })
    await until(async () => attempts.length === 3, 30_000)
    await worker.stop()
    t.strictSame(attempts, [1, 1, 1])
    t.strictSame((await pool.query('SELECT FROM graphile_worker.jobs WHERE task_identifier = \'tests.moving\'')).rows, [], 'nothing of it is left')
  }
})
