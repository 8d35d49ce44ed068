// The stock of spares when a sign-up takes one while another is being made ready.
import { sql } from 'kysely'
import t from 'tap'
import { type Provisioner } from '../../src/tenancy/provisioner.js'
import { type TenantDb } from '../../src/tenancy/tenant.js'
import { makeRegistry, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'
import { until } from '../helpers/until.js'

await t.test('a spare taken while connections to the spares are opened is replaced by the same refill', async (t) => {
  const ground = await makeRegistry(t)
  const { tenancy } = await openProvisioner(t, ground.registryUrl)
  let meanwhile: (() => Promise<void>) | undefined
  const opened = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 }, {
    tenancy: {
      serverFor: (server) => tenancy.serverFor(server),
      drain: async (id) => { await tenancy.drain(id) },
      leaseOf: async (tenant) => {
        const act = meanwhile
        meanwhile = undefined
        await act?.()
        return await tenancy.leaseOf(tenant)
      }
    }
  })
  const provisioner: Provisioner = opened.provisioner
  let joined: Promise<unknown> = Promise.resolve()
  meanwhile = async () => {
    await provisioner.activate(await provisioner.reserve(newChurch()), newAdmin())
    joined = provisioner.refillSpares()
  }
  await provisioner.refillSpares()
  await joined
  const { rows } = await ground.sql.query<object>('SELECT status FROM tenants ORDER BY status')
  t.strictSame(rows, [{ status: 'active' }, { status: 'spare' }])
})

await t.test('a process that takes sign-ups opens its connection to a spare that another process made', async (t) => {
  const ground = await makeRegistry(t)
  const maker = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  const taker = await openProvisioner(t, ground.registryUrl)
  const subscription = taker.provisioner.keepSparesWarm(taker.listener)
  const opens = (): number => taker.tenancy.stats().servers.reduce((sum, server) => sum + server.opens, 0)
  const idle = (): number => taker.tenancy.stats().servers.reduce((sum, server) => sum + server.idle, 0)
  await until(async () => subscription.isLive())
  t.equal(opens(), 0)

  await maker.provisioner.refillSpares()
  await until(async () => idle() === 1)
  const opened = opens()
  const { tenant } = await taker.provisioner.reserve(newChurch());
  (await taker.tenancy.leaseOf(tenant)).release()
  t.equal(opens(), opened, 'the sign-up found its connection open')
  subscription.close()
})

await t.test('a sign-up is rehearsed once on the connection to each spare, those at hand before more are made', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 2 })
  const rehearsed: string[] = []
  const rehearse = async (db: TenantDb) => {
    const { rows: [row] } = await sql<{ name: string, spares: number }>`SELECT current_database() AS name, ${1}::int`.execute(db)
    const { rows: [stock] } = await ground.sql.query<{ spares: number }>("SELECT count(*)::int AS spares FROM tenants WHERE status = 'spare'")
    rehearsed.push(`${row?.name ?? ''} of ${stock?.spares ?? 0}`)
  }
  await provisioner.refillSpares()
  const { rows } = await ground.sql.query<{ database_name: string }>("SELECT database_name FROM tenants WHERE status = 'spare' ORDER BY created_at")
  const [first = '', second = ''] = rows.map((row) => row.database_name)
  await provisioner.refillSpares(rehearse)
  t.strictSame(rehearsed.splice(0), [`${first} of 2`, `${second} of 2`])
  await provisioner.refillSpares(rehearse)
  t.strictSame(rehearsed, [], 'not again on the same connection')
  const another = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 2 })
  await another.provisioner.activate(await another.provisioner.reserve(newChurch()), newAdmin())
  await another.provisioner.refillSpares(rehearse)
  t.match(rehearsed, [`${second} of 1`, /of 2$/], 'the one at hand did not wait for the next to be made')
})
