// Tenants' connections through a real PgBouncer with the settings of docker-compose.yml: nothing of a session lasts, and nothing is missed.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { tenantPassword } from '../../../src/tenancy/credentials.js'
import { rotateSaga } from '../../../src/tenancy/lifecycle/rotate-credentials.js'
import { type TenantDb, type TenantId } from '../../../src/tenancy/tenant.js'
import { composedPgBouncer, PGBOUNCER_PASSWORD } from '../../helpers/composed-pgbouncer.js'
import { makeFolder, startFor } from '../../helpers/embedded-postgres.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { pgBouncerVersion, skipWithoutPgBouncer } from '../../helpers/pgbouncer-process.js'
import { connect, databaseUrl, makeRegistry } from '../../helpers/provisioning-ground.js'
import { until } from '../../helpers/until.js'

t.setTimeout(120_000)
void t.test('tenants through PgBouncer', { skip: skipWithoutPgBouncer }, async (t) => {
  const server = await startFor(t, { dataDir: await makeFolder(t), maxConnections: 100 })
  const pooler = await composedPgBouncer(t, server)
  const registry = await makeRegistry(t)
  const admin = await connect(server.adminUrl)
  t.teardown(() => admin.end())
  const files = t.testdir()
  const settings = { TENANT_SERVERS: `primary=${server.adminUrl}`, TENANT_POOLERS: `primary=${pooler.address}` }
  const open = (limitMs: number) => openOperations(t, registry.registryUrl, files, { settings: { ...settings, DATABASE_STATEMENT_TIMEOUT_MS: limitMs } })
  const here = await open(400)
  const there = await open(20_000)
  const id = await makeTenant(there)
  const other = await makeTenant(there, 'Other Chapel')

  const backend = async (db: TenantDb): Promise<number> => (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(db)).rows[0]!.pid
  const sessions = async (): Promise<number[]> =>
    (await admin.query<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE usename = $1', [`tenant_${id}`])).rows.map(({ pid }) => pid)

  await t.test('a lease goes through the pooler, which keeps its session for the next one', async (t) => {
    const pid = await there.tenancy.withTenant(id, backend)
    await there.tenancy.drain(id)
    t.strictSame(await sessions(), [pid])
    t.equal(await there.tenancy.withTenant(id, backend), pid)
  })

  await t.test('every statement has the time limit of its own process, on sessions that all share, and leaves none behind', async (t) => {
    const seconds = 3
    const ways: Record<string, (db: TenantDb) => Promise<unknown>> = {
      alone: (db) => sql`SELECT pg_sleep(${seconds})`.execute(db),
      'without parameters': (db) => sql`SELECT pg_sleep(3)`.execute(db),
      built: (db) => db.selectFrom('admins').select(sql`pg_sleep(3)`.as('slept')).execute(),
      'in a transaction': (db) => db.transaction().execute((trx) => sql`SELECT pg_sleep(${seconds})`.execute(trx)),
      streamed: async (db) => { for await (const row of db.selectFrom('admins').select(sql`pg_sleep(3)`.as('slept')).stream()) t.ok(row) }
    }
    for (const [way, run] of Object.entries(ways)) {
      await there.tenancy.withTenant(id, backend)
      await t.rejects(here.tenancy.withTenant(id, run), { code: '57014', message: /statement timeout/ }, way)
      t.match(here.tenancy.stats(), { leases: 0 })
    }
    const limits = async (db: TenantDb) => (await sql`SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`.execute(db)).rows[0]
    t.strictSame(await here.tenancy.withTenant(id, limits), { statement: '400ms', idle: '0' })
    t.strictSame(await here.tenancy.withTenant(id, (db) => db.transaction().execute(limits)), { statement: '400ms', idle: '1min' })
    t.strictSame(await there.tenancy.withTenant(id, limits), { statement: '20s', idle: '0' })
    t.ok((await sessions()).length <= 2, 'all that on very few sessions')
    const plain = await signIn(id)
    t.same((await plain.query('SHOW statement_timeout')).rows, [{ statement_timeout: '0' }])
    await plain.end()
  })

  await t.test('answers are the statement\'s own: rows, counts, errors, on as many sessions as there are', async (t) => {
    const rounds = Array.from({ length: 200 }, (_, n) => n)
    const leases = await Promise.all(rounds.slice(0, 6).map(() => there.tenancy.lease(id)))
    await Promise.all(rounds.map(async (n) => {
      const { db } = leases[n % leases.length]!
      await db.insertInto('tags').values({ name: `tag ${n}` }).execute()
      t.match(await db.selectFrom('tags').select(['name']).where('name', '=', `tag ${n}`).execute(), [{ name: `tag ${n}` }])
      const { numUpdatedRows } = await db.updateTable('tags').set({ name: `label ${n}` }).where('name', '=', `tag ${n}`).executeTakeFirstOrThrow()
      t.equal(numUpdatedRows, 1n)
    }))
    const { db } = leases[0]!
    await t.rejects(db.insertInto('tags').values({ name: 'label 1' }).execute(), { code: '23505' })
    await t.rejects(sql`SELECT nothing FROM tags WHERE name = ${'x'}`.execute(db), { code: '42703' })
    await t.rejects(sql`SELECT nothing FROM tags WHERE name = ${'x'}`.execute(db), { code: '42703' }, 'the same again')
    t.match(await db.selectFrom('tags').select(({ fn }) => fn.countAll<string>().as('all')).execute(), [{ all: '200' }])
    t.ok((await sessions()).length > 1)
    for (const { release } of leases) release()
    const ours = (await Promise.all((await sessions()).map(() => there.tenancy.withTenant(id, (db) =>
      sql<{ name: string }>`SELECT name FROM pg_prepared_statements WHERE name <> 'koinonia_probe'`.execute(db))))).flatMap(({ rows }) => rows)
    t.ok(pgBouncerVersion().prepares ? ours.length > 0 && ours.every(({ name }) => name.startsWith('PGBOUNCER_')) : ours.length === 0, 'names are used only where the pooler keeps them')
  })

  await t.test('a statement that runs when its lease ends is cancelled through the pooler', async () => {
    const lease = await there.tenancy.lease(id)
    const slept = sql`SELECT pg_sleep(15)`.execute(lease.db).catch(() => undefined)
    const running = async () => (await admin.query('SELECT FROM pg_stat_activity WHERE usename = $1 AND state = \'active\'', [`tenant_${id}`])).rows.length
    await until(async () => await running() === 1)
    lease.release()
    await until(async () => await running() === 0, 5_000)
    await slept
  })

  await t.test('a table that changes under a transaction is one failure, also where the pooler keeps the plans', async (t) => {
    const client = await connect(databaseUrl(server.adminUrl, `tenant_${id}`))
    const read = (db: TenantDb) => db.transaction().execute(async (trx) => (await sql`SELECT * FROM changing WHERE n = ${1}`.execute(trx)).rows)
    await client.query(`CREATE TABLE changing (n int); ALTER TABLE changing OWNER TO tenant_${id}; INSERT INTO changing VALUES (1)`)
    t.same(await there.tenancy.withTenant(id, read), [{ n: 1 }])
    await client.query('ALTER TABLE changing ADD COLUMN word text')
    await client.end()
    t.ok(there.tenancy.stats().servers[0]!.idle > 1, 'other connections may meet the same session')
    await there.tenancy.withTenant(id, read).catch((error: unknown) => { t.match(error, { code: '0A000' }) })
    for (let again = 0; again < 3; again++) t.same(await there.tenancy.withTenant(id, read), [{ n: 1, word: null }])
  })

  await t.test('the pooler\'s own role is told the verifiers of tenants\' roles, and nothing else', async (t) => {
    await admin.query('ALTER ROLE pgbouncer NOSUPERUSER')
    const own = await connect(`postgres://pgbouncer:${PGBOUNCER_PASSWORD}@${server.host}:${server.port}/postgres`)
    t.match((await own.query('SELECT * FROM pgbouncer_verifier($1)', [`tenant_${id}`])).rows, [{ name: `tenant_${id}`, verifier: /^SCRAM-SHA-256\$1:/ }])
    t.same((await own.query('SELECT * FROM pgbouncer_verifier($1)', [server.user])).rows, [])
    await t.rejects(own.query('SELECT rolpassword FROM pg_authid'), { code: '42501' })
    await own.end()
    await admin.query(`ALTER ROLE pgbouncer ${pgBouncerVersion().asksElsewhere ? 'NOSUPERUSER' : 'SUPERUSER'}`)
  })

  await t.test('no tenant\'s role comes into another\'s database, no wrong password in anywhere, and the server counts as well', async (t) => {
    await t.rejects(signIn(id, { database: `tenant_${other}` }).then((client) => client.query('SELECT 1')), /permission denied|does not have CONNECT privilege/)
    await t.rejects(signIn(id, { password: 'wrong' }), /authentication failed/)
    await t.rejects(signIn(id, { user: server.user, password: server.password, database: 'postgres' }), /authentication failed|no such user/, 'not even the superuser')
    await there.tenancy.drain(id)
    await admin.query(`ALTER ROLE tenant_${id} PASSWORD 'something else'`)
    for (let tries = 0; tries < 5; tries++) await t.rejects(there.tenancy.lease(id), { code: 'DATABASE_UNAVAILABLE', status: 503 })
    t.match(there.tenancy.stats(), { servers: [{ breaker: 'closed', breakerTrips: 0 }] })
    t.ok(await there.tenancy.withTenant(other, backend))
  })

  await t.test('ten rotations under requests from two processes: none fails', async (t) => {
    const over = new AbortController()
    const failed: unknown[] = []
    let requests = 0
    const caller = async ({ tenancy }: typeof here, renew: boolean): Promise<void> => {
      while (!over.signal.aborted) {
        await tenancy.withTenant(other, backend).then(() => { requests++ }, (error: unknown) => { failed.push(error) })
        if (renew) await tenancy.drain(other)
        await pause(1)
      }
    }
    const going = Promise.all([caller(here, true), caller(here, false), caller(there, true), caller(there, false)])
    for (let turn = 1; turn <= 10; turn++) {
      const before = requests
      await until(async () => requests > before + 10)
      await (turn % 2 === 0 ? here : there).operations.perform(rotateSaga, other, {}, { requestedBy: 'tests' })
    }
    over.abort()
    await going
    t.strictSame(failed, [])
  })

  await t.test('who signed in with the old password goes on when the pooler opens a session with the new one', async (t) => {
    const lease = await there.tenancy.lease(other)
    await here.tenancy.drain(other)
    t.ok(await backend(lease.db))
    await here.operations.perform(rotateSaga, other, {}, { requestedBy: 'tests' })
    await admin.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1', [`tenant_${other}`])
    await pause(50)
    t.ok(await backend(lease.db))
    lease.release()
  })

  async function signIn (tenant: TenantId, overrides: pg.ClientConfig = {}): Promise<pg.Client> {
    const password = tenantPassword(there.keyring, { id: tenant, credentialVersion: 1, server: { name: 'primary' } })
    const client = new pg.Client({ host: '127.0.0.1', port: pooler.port, database: `tenant_${tenant}`, user: `tenant_${tenant}`, password, ...overrides })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
})
