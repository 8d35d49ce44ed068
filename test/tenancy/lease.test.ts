// What a lease promises to the one who holds it.
import { sql } from 'kysely'
import t from 'tap'
import { LeaseMisused } from '../../src/tenancy/lease-connection.js'
import { type TenantDb } from '../../src/tenancy/tenant.js'
import { makeTenants, openTenancy } from '../helpers/make-tenants.js'

const ground = await makeTenants(t, 2)
const [id, other] = ground.ids as [typeof ground.ids[0], typeof ground.ids[0]]
const { tenancy } = await openTenancy(t, ground, { DATABASE_WAIT_MS: 1_500 })

const value = async (db: TenantDb, expression: string): Promise<unknown> =>
  (await sql<{ value: unknown }>`SELECT ${sql.raw(expression)} AS value`.execute(db)).rows[0]?.value
const backend = async (db: TenantDb) => await value(db, 'pg_backend_pid()')

await t.test('the connection says whose it is and stops what runs too long', async (t) => {
  await tenancy.withTenant(id, async (db, tenant) => {
    t.match(tenant, { id, status: 'active', organizationName: `Church ${id}`, timeZone: 'America/New_York', schemaVersion: 1 })
    t.equal(await value(db, 'current_setting(\'application_name\')'), `koinonia:${id}`)
    t.equal(await value(db, 'current_setting(\'statement_timeout\')'), '30s')
    t.equal(await value(db, 'current_setting(\'idle_in_transaction_session_timeout\')'), '1min')
    t.equal(await value(db, 'current_user'), `tenant_${id}`)
  })
})

await t.test('the same SQL is prepared once and used by later leases of the connection', async (t) => {
  const read = async (db: TenantDb, note: number) => await sql<{ body: string }>`SELECT body FROM notes WHERE id = ${note}`.execute(db)
  for (let note = 1; note <= 5; note++) await tenancy.withTenant(id, async (db) => t.equal((await read(db, note)).rows[0]?.body, `note ${note}`))
  const prepared = await tenancy.withTenant(id, async (db) =>
    (await sql<{ uses: number }>`SELECT (generic_plans + custom_plans)::int AS uses FROM pg_prepared_statements WHERE statement = 'SELECT body FROM notes WHERE id = $1'`.execute(db)).rows)
  t.same(prepared, [{ uses: 5 }])
})

await t.test('a prepared statement answers the same each time, whatever it was given before', async (t) => {
  const read = async (db: TenantDb, number: unknown) => (await sql`SELECT ${number}::int AS number, '{1,NULL}'::int[] AS list, '{"a": [1]}'::jsonb AS json,
    '\\x00ff'::bytea AS bytes, '2026-03-01T17:00:00Z'::timestamptz AS time, true AS yes, NULL::text AS nothing`.execute(db)).rows
  const expected = { list: [1, null], json: { a: [1] }, bytes: Buffer.from([0, 255]), time: new Date('2026-03-01T17:00:00Z'), yes: true, nothing: null }
  await tenancy.withTenant(id, async (db) => {
    await t.rejects(read(db, 'seven'), { code: '22P02' }, 'refused before it was described')
    for (const number of [7, null]) t.same(await read(db, number), [{ number, ...expected }])
    await t.rejects(read(db, 'eight'), { code: '22P02' })
    await t.rejects(read(db, { toPostgres: () => { throw new RangeError('no such value') } }), { message: 'no such value' }, 'refused before it was sent')
    t.same(await read(db, 9), [{ number: 9, ...expected }])
    for (const body of ['twice', 'twice again']) {
      const { numAffectedRows, rows } = await sql`UPDATE notes SET body = ${body} WHERE id IN (8, 9)`.execute(db)
      t.same([numAffectedRows, rows], [2n, []])
    }
  })
})

await t.test('queries started together run one after another on the one connection', async (t) => {
  await tenancy.withTenant(id, async (db) => {
    const pids = await Promise.all(Array.from({ length: 20 }, () => backend(db)))
    t.equal(new Set(pids).size, 1)
  })
})

await t.test('a query after the lease has ended is refused with a clear error', async (t) => {
  const lease = await tenancy.lease(id)
  lease.release()
  lease.release()
  await t.rejects(backend(lease.db), LeaseMisused)
  const kept = await tenancy.withTenant(id, async (db) => db)
  await t.rejects(backend(kept), { message: /has been given back/ })
})

await t.test('a transaction commits, rolls back, and nests by savepoint', async (t) => {
  await tenancy.withTenant(id, async (db) => {
    await db.transaction().execute(async (trx) => sql`UPDATE notes SET body = 'changed' WHERE id = 1`.execute(trx))
    await t.rejects(db.transaction().setIsolationLevel('serializable').execute(async (trx) => {
      await sql`UPDATE notes SET body = 'lost' WHERE id = 1`.execute(trx)
      throw new Error('no')
    }), { message: 'no' })
    const trx = await db.startTransaction().execute()
    const inner = await trx.savepoint('a').execute()
    await sql`UPDATE notes SET body = 'lost' WHERE id = 1`.execute(inner)
    await (await inner.rollbackToSavepoint('a').execute()).commit().execute()
    t.equal((await sql<{ body: string }>`SELECT body FROM notes WHERE id = 1`.execute(db)).rows[0]?.body, 'changed')
    const { numAffectedRows } = await sql`UPDATE notes SET body = 'note 1' WHERE id = 1`.execute(db)
    t.equal(numAffectedRows, 1n)
  })
})

await t.test('a second BEGIN, or a query beside an open transaction, is refused with a clear error', async (t) => {
  await tenancy.withTenant(id, async (db) => {
    await db.transaction().execute(async (trx) => {
      await t.rejects(db.transaction().execute(async () => 1), { name: 'LeaseMisused', message: /run its queries on the transaction/ })
      await t.rejects(backend(db), LeaseMisused)
      t.ok(await value(trx, '1'), 'the transaction itself goes on')
    })
    t.ok(await backend(db), 'and so does the lease after it')
  })
})

await t.test('a connection given back in the middle of a transaction is closed, not handed on', async (t) => {
  const lease = await tenancy.lease(id)
  const pid = await backend(lease.db)
  const trx = await lease.db.startTransaction().execute()
  await sql`UPDATE notes SET body = 'lost' WHERE id = 2`.execute(trx)
  lease.release()
  await tenancy.withTenant(id, async (db) => {
    t.not(await backend(db), pid)
    t.equal((await sql<{ body: string }>`SELECT body FROM notes WHERE id = 2`.execute(db)).rows[0]?.body, 'note 2')
  })
})

await t.test('a connection given back while a statement runs is cancelled and charged until it is gone', async (t) => {
  const lease = await tenancy.lease(id)
  const running = t.rejects(sql`SELECT pg_sleep(20)`.execute(lease.db), { code: '57014' })
  const queued = t.rejects(backend(lease.db), LeaseMisused)
  await new Promise((resolve) => setTimeout(resolve, 50))
  lease.release()
  t.equal(tenancy.stats().servers[0]?.closing, 1)
  await running
  await queued
  await tenancy.drain(id)
  const { rows } = await ground.admin.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [`koinonia:${id}`])
  t.equal(rows.length, 0)
})

await t.test('rows can be streamed, and a stream left early does not spoil the connection', async (t) => {
  await tenancy.withTenant(id, async (db) => {
    const query = db.selectFrom('notes' as 'members').select(sql<number>`id`.as('n')).where(sql<boolean>`id > ${10}`).orderBy('id')
    const seen: number[] = []
    for await (const row of query.stream(7)) seen.push(row.n)
    t.equal(seen.length, 90)
    t.equal(seen[0], 11)
    for await (const row of query.stream(7)) if (row.n > 20) break
    t.equal(await value(db, '1'), 1)
  })
  t.equal(tenancy.stats().servers[0]?.idle, 1)
})

await t.test('a statement whose table has changed since it was prepared is sent anew', async (t) => {
  const read = async (db: TenantDb) => (await sql`SELECT * FROM notes WHERE id = ${3}`.execute(db)).rows[0]
  await tenancy.withTenant(id, async (db) => {
    t.same(await read(db), { id: 3, body: 'note 3' })
    await ground.runIn(id, 'ALTER TABLE notes ADD COLUMN colour text')
    t.same(await read(db), { id: 3, body: 'note 3', colour: null })
  })
})

await t.test('a connection that breaks is replaced, whether it is idle or leased', async (t) => {
  const pid = await tenancy.withTenant(id, backend)
  await ground.admin.query('SELECT pg_terminate_backend($1)', [pid])
  await new Promise((resolve) => setTimeout(resolve, 50))
  const lease = await tenancy.lease(id)
  const second = await backend(lease.db)
  t.not(second, pid)
  await ground.admin.query('SELECT pg_terminate_backend($1)', [second])
  await t.rejects(backend(lease.db), { code: 'DATABASE_UNAVAILABLE', status: 503, retryAfter: 1 }, 'the caller is told to try again, not that something is wrong here')
  lease.release()
  t.not(await tenancy.withTenant(id, backend), second)
})

await t.test('the ceiling of one tenant leaves room for others, and waiting beyond the limit ends in DATABASE_BUSY', async (t) => {
  const leases = []
  for (let n = 0; n < 8; n++) leases.push(await tenancy.lease(id))
  t.equal(new Set(await Promise.all(leases.map(({ db }) => backend(db)))).size, 8)
  const refused = t.rejects(tenancy.lease(id), { code: 'DATABASE_BUSY', status: 503, retryAfter: 1 })
  await tenancy.withTenant(other, async (db) => t.ok(await backend(db)))
  await refused
  for (const lease of leases) lease.release()
  t.match(tenancy.stats(), { leases: 0 })
})

await t.test('a connection outside any tenant\'s pool is charged to the budget and gone when its use ends', async (t) => {
  const server = tenancy.serverFor({ name: 'primary', host: ground.server.host, port: ground.server.port })
  const admin = new URL(ground.server.adminUrl)
  const target = {
    applicationName: 'koinonia:provision', database: 'postgres', user: decodeURIComponent(admin.username), password: () => decodeURIComponent(admin.password)
  }
  await server.withConnection(target, async (client) => {
    t.match(server.stats(), { busy: 1 })
    await client.query('SELECT 1')
  })
  const { rows } = await ground.admin.query('SELECT 1 FROM pg_stat_activity WHERE application_name = \'koinonia:provision\'')
  t.equal(rows.length, 0)
  await t.rejects(server.withConnection({ ...target, database: 'no_such_database' }, async () => 1), { code: '3D000' })
  t.match(server.stats(), { busy: 0, breaker: 'closed' })
})
