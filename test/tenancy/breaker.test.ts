// A dead server fails its own tenants fast, no others, and comes back by itself.
import { sql } from 'kysely'
import t from 'tap'
import { Breaker, ServerUnavailable, isServerFailure } from '../../src/tenancy/breaker.js'
import { type TenantDb } from '../../src/tenancy/tenant.js'
import { insertServer, makeTenants, openTenancy } from '../helpers/make-tenants.js'
import { switchableProxy } from '../helpers/switchable-proxy.js'
import { VirtualTime } from './virtual-server.js'

const failure = (code: string, message = 'failed'): Error => Object.assign(new Error(message), { code })

await t.test('what concerns one tenant is not held against the server', async (t) => {
  for (const code of ['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'EPIPE', '57P03', '57P01', '53300', '53200', '58030', 'XX000', '08006']) {
    t.ok(isServerFailure(failure(code)), code)
  }
  t.ok(isServerFailure(new Error('Connection terminated due to connection timeout')))
  for (const code of ['28P01', '28000', '3D000', '42501', '55000', '57P04']) t.notOk(isServerFailure(failure(code)), code)
  t.notOk(isServerFailure(failure('53300', 'too many connections for role "tenant_a"')))
  t.notOk(isServerFailure(new Error('SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match')))
})

await t.test('it opens after three failures in a row, lets one probe through after a pause, and closes on success', async (t) => {
  const time = new VirtualTime()
  const breaker = new Breaker('east', time)
  for (let n = 0; n < 2; n++) breaker.failed(failure('ECONNREFUSED'))
  breaker.failed(failure('28P01'))
  for (let n = 0; n < 2; n++) breaker.failed(failure('ECONNREFUSED'))
  t.equal(breaker.state, 'closed', 'a refused password in between is a sign of life')
  breaker.failed(failure('ECONNREFUSED'))
  t.equal(breaker.state, 'open')
  t.ok(breaker.refusal() instanceof ServerUnavailable)
  t.notOk(breaker.mayOpen())
  await time.advance(500)
  t.equal(breaker.refusal(), undefined)
  t.ok(breaker.mayOpen(), 'the probe')
  t.notOk(breaker.mayOpen(), 'only one')
  breaker.failed(failure('ECONNREFUSED'))
  await time.advance(999)
  t.notOk(breaker.mayOpen(), 'the pause has doubled')
  await time.advance(1)
  t.ok(breaker.mayOpen())
  breaker.opened()
  t.equal(breaker.state, 'closed')
  t.ok(breaker.mayOpen())
})

await t.test('a dead server fails fast, the other serves on, and the dead one comes back by itself', async (t) => {
  const ground = await makeTenants(t, 4)
  const proxy = await switchableProxy(t, ground.server)
  const proxied = await insertServer(ground.sql, 'west', '127.0.0.1', proxy.port())
  await ground.moveTo(ground.ids[0]!, proxied, 'west')
  await ground.moveTo(ground.ids[1]!, proxied, 'west')
  const [dead, alsoDead, alive] = ground.ids
  const { tenancy } = await openTenancy(t, ground)
  const read = async (db: TenantDb) => (await sql`SELECT 1 AS one`.execute(db)).rows.length
  t.equal(await tenancy.withTenant(dead!, read), 1)
  await proxy.shut()
  for (let n = 0; n < 4; n++) {
    await t.rejects(tenancy.withTenant(dead!, read))
  }
  const state = () => tenancy.stats().servers.find(({ server }) => server === 'west')!.breaker
  t.equal(state(), 'open')
  const started = performance.now()
  await Promise.all(Array.from({ length: 100 }, () => t.rejects(tenancy.lease(alsoDead!), { code: 'DATABASE_UNAVAILABLE', status: 503 })))
  t.ok(performance.now() - started < 300)
  t.equal(await tenancy.withTenant(alive!, read), 1)
  await proxy.open()
  await new Promise((resolve) => setTimeout(resolve, 600))
  t.equal(await tenancy.withTenant(alsoDead!, read), 1)
  t.equal(state(), 'closed')
})

await t.test('a tenant whose password is wrong does not trip the breaker', async (t) => {
  const ground = await makeTenants(t, 2)
  const [wrong, right] = ground.ids
  await ground.admin.query(`ALTER ROLE tenant_${wrong!} PASSWORD 'something else'`)
  const { tenancy } = await openTenancy(t, ground)
  for (let n = 0; n < 5; n++) await t.rejects(tenancy.lease(wrong!), { code: 'DATABASE_UNAVAILABLE' })
  t.match(tenancy.stats().servers, [{ breaker: 'closed', openFailures: 5, used: 0 }])
  await tenancy.withTenant(right!, async (db) => { await sql`SELECT 1`.execute(db) })
})
