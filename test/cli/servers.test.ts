// `koinonia servers`: a second cluster is put into service, emptied and taken out, with real tenants on both.
import t from 'tap'
import { makeFolder, startFor } from '../helpers/embedded-postgres.js'
import { connect, makeRegistry, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'
import { runCli } from './run-cli.js'

t.setTimeout(300_000)

void t.test('servers are added after a check, drained of spares, rebalanced, and removed once they are empty', async (t) => {
  const ground = await makeRegistry(t)
  const west = await startFor(t, { dataDir: await makeFolder(t), maxConnections: 60 })
  const limited = await connect(west.adminUrl)
  await limited.query('CREATE ROLE limited LOGIN PASSWORD \'limited\'')
  const limitedUrl = new URL(west.adminUrl)
  limitedUrl.username = limitedUrl.password = 'limited'
  const TENANT_SERVERS = `east=${ground.adminUrl},west=${west.adminUrl},weak=${limitedUrl.href},dead=postgres://nobody@127.0.0.1:9/postgres`
  const run = async (...args: string[]) => await runCli(ground.registryUrl, ['servers', ...args], { settings: { TENANT_SERVERS } })
  const list = async () => JSON.parse((await run('list', '--json')).stdout) as Array<{ name: string, state: string, tenants: number, spares: number, maxTenants: number }>
  const stands = async (name: string) => (await list()).find((server) => server.name === name)

  t.match(await run('add', 'north'), { code: 1, stderr: /TENANT_SERVERS names no server north/ })
  t.match(await run('add', 'dead'), { code: 1, stderr: /ECONNREFUSED/ })
  t.match(await run('add', 'weak'), { code: 1, stderr: /may not create databases and roles/ })
  t.match(await runCli(ground.registryUrl, ['servers', 'add', 'west'], { settings: { TENANT_SERVERS, DATABASE_MAX_CONNECTIONS: '200' } }), { code: 1, stderr: /raise max_connections/ })
  t.match(JSON.parse((await run('add', 'west', '--max-tenants', '10', '--json')).stdout), { name: 'west', state: 'open', maxTenants: 10, tenants: 0 })

  const settings = { TENANT_SERVERS: `east=${ground.adminUrl},west=${west.adminUrl}`, SPARE_TENANTS: 1 }
  const { provisioner, tenancy, registry } = await openProvisioner(t, ground.registryUrl, settings)
  const ids = []
  for (const name of ['One', 'Two', 'Three']) {
    const reservation = await provisioner.reserve(newChurch(name))
    await provisioner.activate(reservation, newAdmin(name))
    ids.push(reservation.tenant.id)
  }
  await registry.db.updateTable('database_servers').set({ max_tenants: 10 }).execute()
  await provisioner.refillSpares()
  t.match(await stands('west'), { spares: 1 })
  t.match(await run('remove', 'west'), { code: 1, stderr: /west still has [^]*servers drain west/ })

  t.match(await run('drain', 'west'), { code: 0, stdout: /its spare was dropped/ })
  t.match(await stands('west'), { state: 'draining', spares: 0 })
  await provisioner.refillSpares()
  t.match(await stands('west'), { spares: 0 }, 'it gets no new ones')
  const inWest = (await stands('west'))?.tenants ?? 0
  t.ok(inWest > 0)

  const planned = await run('rebalance', '--dry-run', '--json')
  t.equal((JSON.parse(planned.stdout) as { plan: unknown[] }).plan.length, inWest)
  t.match(await stands('west'), { tenants: inWest }, 'a dry run moves nothing')
  t.match(await run('rebalance'), { code: 0, stdout: new RegExp(`${inWest} of ${inWest} moved`) })
  t.match(await stands('west'), { tenants: 0 })
  for (const id of ids) t.strictSame(await tenancy.withTenant(id, (db) => db.selectFrom('admins').select('id').execute()), [])
  t.match(await run('remove', 'west'), { code: 0, stdout: /out of TENANT_SERVERS/ })
  t.match(await run('remove', 'west'), { code: 1, stderr: /removed before/ })
  t.match(await run('open', 'west'), { code: 1, stderr: /servers list/ })
  t.match(await stands('west'), { state: 'removed' }, 'its row stays')

  t.match(await run('add', 'west'), { code: 0, stdout: /takes tenants/ })
  t.match(await run('rebalance', '--most', '1', '--json'), { code: 0 })
  t.match(await stands('west'), { state: 'open', tenants: 1, maxTenants: 10 })
  t.match(await run('drain', 'west'), { code: 0 })
  t.match(await run('open', 'west'), { code: 0 })
  t.match(await run('rebalance'), { code: 0, stdout: /nothing to move/ })
  const { rows: acts } = await ground.sql.query<{ action: string }>('SELECT DISTINCT action FROM operator_audit WHERE outcome = \'done\' ORDER BY 1')
  t.strictSame(acts.map(({ action }) => action), ['servers.add', 'servers.drain', 'servers.open', 'servers.remove', 'tenants.move'])
  await limited.end()
})
