// Tenants that change while they are used: every process knows at once, and nobody's work is cut off.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { Problem } from '../../src/errors.js'
import { tenantPassword } from '../../src/tenancy/credentials.js'
import { type TenantDb, type TenantId } from '../../src/tenancy/tenant.js'
import { makeTenants, openTenancy } from '../helpers/make-tenants.js'
import { switchableProxy } from '../helpers/switchable-proxy.js'

const ground = await makeTenants(t, 3)
const [id, second, third] = ground.ids as [TenantId, TenantId, TenantId]

const one = async (db: TenantDb) => (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(db)).rows[0]!.pid
const setStatus = async (tenant: TenantId, status: string) => { await ground.sql.query('UPDATE tenants SET status = $2 WHERE id = $1', [tenant, status]) }
const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  for (const end = Date.now() + 5_000; Date.now() < end;) {
    if (await condition()) return
    await pause(10)
  }
  throw new Error('did not happen within 5 s')
}
const connectionsOf = async (tenant: TenantId): Promise<number> =>
  (await ground.admin.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [`koinonia:${tenant}`])).rows.length

await t.test('a thousand simultaneous first requests make one look-up and one pool', async (t) => {
  const { tenancy } = await openTenancy(t, ground, { DATABASE_WAIT_MS: 20_000 })
  await Promise.all(Array.from({ length: 1_000 }, () => tenancy.withTenant(id, one)))
  const { lookUps, pools, servers } = tenancy.stats()
  t.match({ lookUps, pools }, { lookUps: 1, pools: 1 })
  t.ok(servers[0]!.opens <= 8)
})

await t.test('an unknown id is looked up once in a while, not each time', async (t) => {
  const { tenancy } = await openTenancy(t, ground)
  for (let n = 0; n < 20; n++) await t.rejects(tenancy.lease('tunknown00000' as TenantId), { code: 'TENANT_NOT_FOUND', status: 404 })
  await Promise.all(Array.from({ length: 20 }, () => t.rejects(tenancy.lease('tunknown00001' as TenantId), { code: 'TENANT_NOT_FOUND' })))
  t.equal(tenancy.stats().lookUps, 2)
  await t.rejects(tenancy.lease('No; DROP TABLE' as TenantId), { code: 'TENANT_NOT_FOUND' })
  t.equal(tenancy.stats().lookUps, 2, 'what can\'t be an id is not looked up at all')
})

await t.test('a tenant cached as active is refused in every process once it is suspended, and what was in flight finishes', async (t) => {
  const here = await openTenancy(t, ground)
  const there = await openTenancy(t, ground)
  const lease = await here.tenancy.lease(id)
  await there.tenancy.withTenant(id, one)
  await lease.db.transaction().execute(async (trx) => {
    await one(trx)
    await setStatus(id, 'suspended')
    for (const { tenancy } of [here, there]) {
      await until(() => tenancy.stats().pools === 0)
      await t.rejects(tenancy.lease(id), { code: 'TENANT_SUSPENDED', status: 403 })
    }
    await until(async () => await connectionsOf(id) === 1)
    t.ok(await one(trx), 'the transaction in flight goes on')
  })
  t.ok(await one(lease.db))
  lease.release()
  await until(async () => await connectionsOf(id) === 0)
  await setStatus(id, 'active')
  await until(() => here.tenancy.withTenant(id, one).then(() => true, () => false))
})

await t.test('each status has its own answer', async (t) => {
  const { tenancy } = await openTenancy(t, ground)
  for (const [status, code, http] of [['archived', 'TENANT_ARCHIVED', 403], ['deleting', 'TENANT_NOT_FOUND', 404], ['deleted', 'TENANT_NOT_FOUND', 404]] as const) {
    await setStatus(second, status)
    await until(() => tenancy.withTenant(second, one).then(() => false, (error: unknown) => error instanceof Problem && error.code === code))
    await t.rejects(tenancy.lease(second), { code, status: http })
  }
  await setStatus(second, 'active')
})

await t.test('a new credential version makes a new pool with the new password', async (t) => {
  const { tenancy } = await openTenancy(t, ground)
  const before = await tenancy.lease(second)
  const pid = await one(before.db)
  const password = tenantPassword(ground.keyring, { id: second, credentialVersion: 2, server: { name: 'primary' } })
  await ground.admin.query(`ALTER ROLE tenant_${second} PASSWORD '${password}'`)
  await ground.sql.query('UPDATE tenants SET credential_version = 2 WHERE id = $1', [second])
  await until(() => tenancy.stats().pools === 0)
  t.not(await tenancy.withTenant(second, one), pid)
  t.equal(await one(before.db), pid, 'the old connection serves until it is given back')
  before.release()
  await until(async () => await connectionsOf(second) === 1)
})

await t.test('a pool evicted under a running transaction does not disturb it', async (t) => {
  const { tenancy } = await openTenancy(t, ground, { CACHED_TENANTS: 1 })
  await tenancy.withTenant(id, async (db) => {
    await db.transaction().execute(async (trx) => {
      const pid = await one(trx)
      await tenancy.withTenant(third, one)
      t.equal(tenancy.stats().pools, 1, 'evicted')
      t.equal(await one(trx), pid)
      t.not(await tenancy.withTenant(id, one), pid, 'a request meanwhile has a pool of its own')
      t.equal(await one(trx), pid)
    })
  })
})

await t.test('while changes can\'t be heard nothing cached is trusted', async (t) => {
  const url = new URL(ground.connectionString)
  const proxy = await switchableProxy(t, { host: url.hostname, port: Number(url.port) })
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port())
  const { tenancy } = await openTenancy(t, ground, {}, url.href)
  for (let n = 0; n < 5; n++) await tenancy.withTenant(third, one)
  t.equal(tenancy.stats().lookUps, 1, 'heard: cached')
  await proxy.shut()
  await until(async () => {
    const { lookUps } = tenancy.stats()
    await tenancy.withTenant(third, one)
    return tenancy.stats().lookUps > lookUps
  })
  await setStatus(third, 'suspended')
  await t.rejects(tenancy.lease(third), { code: 'TENANT_SUSPENDED' }, 'refused though nothing was heard')
  const { lookUps } = tenancy.stats()
  await Promise.all(Array.from({ length: 50 }, () => t.rejects(tenancy.lease(third), { code: 'TENANT_SUSPENDED' })))
  t.equal(tenancy.stats().lookUps, lookUps + 1, 'still one look-up at a time')
  t.equal(tenancy.stats().pools, 1)
  await proxy.open()
  await until(() => tenancy.stats().pools === 0)
  await setStatus(third, 'active')
  await until(() => tenancy.withTenant(third, one).then(() => true, () => false))
  await pause(20)
  await tenancy.withTenant(third, one)
  const heardAgain = tenancy.stats().lookUps
  await tenancy.withTenant(third, one)
  t.equal(tenancy.stats().lookUps, heardAgain, 'heard again: cached again')
})

await t.test('never "Cannot use a pool after calling end": leases, suspensions, resumptions and evictions at once', async (t) => {
  const { tenancy } = await openTenancy(t, ground, { CACHED_TENANTS: 2, DATABASE_WAIT_MS: 20_000, DATABASE_MAX_CONNECTIONS: 10 })
  const stop = new AbortController()
  const outcomes = new Map<string, number>()
  const callers = Array.from({ length: 30 }, async (_, caller) => {
    while (!stop.signal.aborted) {
      const outcome = await tenancy.withTenant(ground.ids[caller % 3]!, one).then(() => 'served', (error: unknown) => error instanceof Problem ? error.code : String(error))
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      // A refusal needs no input or output, so without this nobody else would get a turn.
      await pause(1)
    }
  })
  for (let turn = 0; turn < 40; turn++) {
    await setStatus(id, turn % 2 === 0 ? 'suspended' : 'active')
    await ground.sql.query('UPDATE tenants SET schema_version = schema_version + 1 WHERE id = $1', [second])
    await pause(10)
  }
  stop.abort()
  await Promise.all(callers)
  t.same([...outcomes.keys()].sort(), ['TENANT_SUSPENDED', 'served'])
  t.ok(outcomes.get('served')! > 100)
  t.equal(tenancy.stats().leases, 0)
})
