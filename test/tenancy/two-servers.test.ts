// Two real PostgreSQL clusters: one dies, and only its own tenants feel it; sign-up goes elsewhere; all is well again when it is back.
import t from 'tap'
import { type Problem } from '../../src/errors.js'
import { makeFolder, startFor } from '../helpers/embedded-postgres.js'
import { makeRegistry, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'
import { until } from '../helpers/until.js'

t.setTimeout(240_000)

const codeOf = (error: unknown) => (error as Problem).code

void t.test('a dead server takes down only its own tenants, its spares are not handed out, and it heals by itself', async (t) => {
  const ground = await makeRegistry(t)
  const dataDir = await makeFolder(t)
  const west = await startFor(t, { dataDir, maxConnections: 60 })
  const settings = { TENANT_SERVERS: `east=${ground.adminUrl},west=${west.adminUrl}`, SPARE_TENANTS: 2 }
  const { provisioner, tenancy, registry } = await openProvisioner(t, ground.registryUrl, settings)
  t.strictSame(await provisioner.refillSpares(), { made: 4, failed: 0 })
  const signUp = async (name: string) => {
    const reservation = await provisioner.reserve(newChurch(name))
    await provisioner.activate(reservation, newAdmin(name))
    return reservation.tenant
  }
  const serverOf = async (run: Promise<{ server: { name: string } }>) => (await run).server.name
  const [here, there] = [await signUp('First'), await serverOf(signUp('Second'))]
  t.strictSame([here.server.name, there], ['east', 'east'], 'the order is remembered for ten seconds')
  const elsewhere = await signUp('Third')
  t.equal(elsewhere.server.name, 'west', 'where no spare is left the next server gives one')
  const reads = async (id: typeof here.id) => await tenancy.withTenant(id, (db) => db.selectFrom('admins').select('id').execute())
  await reads(elsewhere.id)

  await west.stop()
  const outcomes = await Promise.allSettled([...Array.from({ length: 6 }, () => reads(elsewhere.id)), ...Array.from({ length: 6 }, () => reads(here.id))])
  t.strictSame(outcomes.slice(0, 6).map((outcome) => outcome.status === 'rejected' && codeOf(outcome.reason)), Array(6).fill('DATABASE_UNAVAILABLE'))
  t.strictSame(outcomes.slice(6).map(({ status }) => status), Array(6).fill('fulfilled'), 'the other server\'s tenants do not notice')
  // The only spares left are on the dead server; another process has not met it yet.
  const fresh = await openProvisioner(t, ground.registryUrl, settings)
  const { rows: spares } = await ground.sql.query<{ name: string }>('SELECT s.name FROM tenants t JOIN database_servers s ON s.id = t.server_id WHERE t.status = \'spare\'')
  t.strictSame(spares.map(({ name }) => name), ['west'])
  for (const process of [fresh, { provisioner, tenancy }]) {
    const { tenant } = await process.provisioner.reserve(newChurch('Fourth'))
    t.equal(tenant.server.name, 'east')
    await process.tenancy.leaseOf(tenant).then((lease) => { lease.release() })
  }
  t.equal(tenancy.stats().servers.find(({ server }) => server === 'east')?.breaker, 'closed')

  await startFor(t, { dataDir, port: west.port, maxConnections: 60 })
  await until(async () => await reads(elsewhere.id).then(() => true, () => false), 40_000)
  t.equal(tenancy.stats().servers.find(({ server }) => server === 'west')?.breaker, 'closed', 'one look lets everybody in again')
  await ground.sql.query('UPDATE tenants SET provisioning_expires_at = now() - interval \'1 second\' WHERE status = \'creating\'')
  t.match(await provisioner.reconcile(), { findings: [], orphansDropped: [] })
  t.strictSame(await provisioner.refillSpares(), { made: 4, failed: 0 })
  await registry.db.updateTable('database_servers').set({ max_tenants: 2 }).where('name', '=', 'east').execute()
  const back = await openProvisioner(t, ground.registryUrl, settings)
  t.equal((await back.provisioner.reserve(newChurch('Fifth'))).tenant.server.name, 'west', 'the least full server comes first again')
})
