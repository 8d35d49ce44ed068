// A database server that accepts connections and says nothing, or falls silent in the middle of a statement, as behind a broken network.
import { sql } from 'kysely'
import t from 'tap'
import { type TenantDb } from '../../src/tenancy/tenant.js'
import { insertServer, makeTenants, openTenancy } from '../helpers/make-tenants.js'
import { switchableProxy } from '../helpers/switchable-proxy.js'
import { until } from '../helpers/until.js'

const limits = { DATABASE_STATEMENT_TIMEOUT_MS: 600, DATABASE_CONNECT_TIMEOUT_MS: 300, DATABASE_WAIT_MS: 500 }
/** What a statement under way may take, and what a busy machine may add. */
const longest = limits.DATABASE_STATEMENT_TIMEOUT_MS + limits.DATABASE_CONNECT_TIMEOUT_MS + 500
const away = { code: 'DATABASE_UNAVAILABLE', status: 503 }

const ground = await makeTenants(t, 4)
const proxy = await switchableProxy(t, ground.server)
const west = await insertServer(ground.sql, 'west', '127.0.0.1', proxy.port())
const [first, second, third, elsewhere] = ground.ids as [typeof ground.ids[0], typeof ground.ids[0], typeof ground.ids[0], typeof ground.ids[0]]
for (const id of [first, second, third]) await ground.moveTo(id, west, 'west')
const { tenancy } = await openTenancy(t, ground, limits)
const read = async (db: TenantDb) => (await sql`SELECT 1 AS one`.execute(db)).rows.length
const server = () => tenancy.stats().servers.find(({ server }) => server === 'west')
const timed = async (work: Promise<unknown>) => {
  const begun = performance.now()
  await work
  return performance.now() - begun
}

await t.test('a statement, a transaction and a commit under way when the server falls silent end within the limits with 503; others\' tenants notice nothing', async (t) => {
  for (const id of [first, second, third, elsewhere]) t.equal(await tenancy.withTenant(id, read), 1)
  const asked = timed(t.rejects(tenancy.withTenant(first, async (db) => await sql`SELECT pg_sleep(0.2)`.execute(db)), away))
  const inTransaction = timed(t.rejects(tenancy.withTenant(second, async (db) => {
    await db.transaction().execute(async (trx) => {
      await read(trx)
      proxy.silence()
      await read(trx)
    })
  }), away))
  const committing = timed(t.rejects(tenancy.withTenant(third, async (db) => {
    const trx = await db.startTransaction().execute()
    await read(trx)
    await until(async () => server()?.busy === 3)
    await trx.commit().execute()
  }), away))
  let [served, slowest] = [0, 0]
  const serving = setInterval(() => { void timed(tenancy.withTenant(elsewhere, read)).then((ms) => { served++; slowest = Math.max(slowest, ms) }) }, 50)
  for (const took of await Promise.all([asked, inTransaction, committing])) t.ok(took < longest, `${Math.round(took)} ms`)
  clearInterval(serving)
  t.ok(served > 5 && slowest < limits.DATABASE_WAIT_MS, `${served} served, the slowest in ${Math.round(slowest)} ms`)
})

await t.test('new connections that are accepted and never answered are given up; then the breaker fails fast', async (t) => {
  for (let tries = 0; server()?.breaker !== 'open' && tries < 10; tries++) {
    const took = await timed(t.rejects(tenancy.withTenant(first, read), { code: /^DATABASE_(UNAVAILABLE|BUSY)$/ }))
    t.ok(took < longest, `${Math.round(took)} ms`)
  }
  t.equal(server()?.breaker, 'open')
  const took = await timed(Promise.all(Array.from({ length: 100 }, () => t.rejects(tenancy.lease(second), away))))
  t.ok(took < 300, `${Math.round(took)} ms`)
  t.equal(await tenancy.withTenant(elsewhere, read), 1)
})

await t.test('when it speaks again everything is served, without a restart, and no connection is left over', async (t) => {
  proxy.speak()
  for (const id of [first, second, third]) t.equal(await until(async () => await tenancy.withTenant(id, read).catch(() => undefined)), 1)
  t.match(server(), { breaker: 'closed', busy: 0, opening: 0 })
  await until(async () => (server()?.used ?? 9) <= 3)
})

await t.test('a statement that runs for as long as it may is not taken for silence, nor is a connection that nobody uses; but what is then asked on it is', async (t) => {
  await t.rejects(tenancy.withTenant(first, async (db) => await sql`SELECT pg_sleep(5)`.execute(db)), { code: '57014' })
  const backend = async () => await tenancy.withTenant(first, async (db) => (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(db)).rows[0]?.pid)
  const before = await backend()
  const idle = limits.DATABASE_STATEMENT_TIMEOUT_MS + limits.DATABASE_CONNECT_TIMEOUT_MS + 100
  await new Promise((resolve) => setTimeout(resolve, idle))
  t.equal(await backend(), before)
  await new Promise((resolve) => setTimeout(resolve, idle))
  proxy.silence()
  const took = await timed(t.rejects(backend(), away))
  t.ok(took < longest, `${Math.round(took)} ms`)
  proxy.speak()
})
