// `koinonia doctor` on a healthy service, and with faults planted one beside the other.
import t from 'tap'
import { makeRegistry, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)

interface Answer { healthy: boolean, checks: Array<{ name: string, state: string, detail: string, next?: string }> }

void t.test('a healthy service passes; people get a table, programs JSON', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.refillSpares()
  const run = await runCli(ground.registryUrl, ['doctor'], { settings: { SPARE_TENANTS: '1' } })
  t.match(run, { code: 0, stdout: /✔ registry[^]*1 of 1 ready[^]*Everything is well/ })
})

void t.test('every planted fault is found, each with what to do next, and the exit code is 1', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, tenancy } = await openProvisioner(t, ground.registryUrl)
  const [gone, behind, stuck, cut] = [await provisioner.reserve(newChurch('Gone')), await provisioner.reserve(newChurch('Behind')), await provisioner.reserve(newChurch('Stuck')), await provisioner.reserve(newChurch('Cut'))]
  await provisioner.activate(gone, newAdmin())
  await provisioner.activate(behind, newAdmin())
  await tenancy.drain(gone.tenant.id)
  await ground.admin.query(`DROP DATABASE ${gone.tenant.databaseName} WITH (FORCE)`)
  await ground.sql.query('UPDATE tenants SET schema_version = 1 WHERE id = $1', [behind.tenant.id])
  await ground.sql.query('UPDATE tenants SET provisioning_expires_at = now() - interval \'1 hour\' WHERE id = ANY($1)', [[stuck.tenant.id, cut.tenant.id]])
  await ground.admin.query(`COMMENT ON ROLE ${stuck.tenant.roleName} IS 'somebody else''s'`)
  await ground.sql.query('SELECT graphile_worker.add_job(\'broken\', max_attempts => 1), graphile_worker.add_job(\'waiting\', run_at => now() - interval \'1 hour\')')
  await ground.sql.query('UPDATE graphile_worker._private_jobs SET attempts = max_attempts WHERE max_attempts = 1')
  const local = new URL(ground.adminUrl)
  const run = await runCli(ground.registryUrl, ['doctor', '--json'], { settings: { TENANT_SERVERS: `primary=${local.href},dead=postgres://nobody@127.0.0.1:9/postgres` } })
  t.equal(run.code, 1)
  const { healthy, checks } = JSON.parse(run.stdout) as Answer
  t.equal(healthy, false)
  const found = checks.filter(({ state }) => state === 'failed')
  t.strictSame(found.map(({ name }) => name).sort(), [
    'database missing', 'failed jobs', 'overdue jobs', 'server dead', 'server unreachable', 'tenant schemas', 'undo failed'])
  for (const { name, next } of found) t.ok(next, `${name} says what to do`)
  t.match(checks.find(({ name }) => name === 'leftovers'), { detail: new RegExp(cut.tenant.id) }, 'what could be undone was')
  t.notMatch(run.stdout, local.password === '' ? /nobody@/ : local.password, 'no URL with its password is shown')
  await ground.admin.query(`DROP DATABASE ${stuck.tenant.databaseName} WITH (FORCE)`)
  await ground.admin.query(`DROP ROLE ${stuck.tenant.roleName}`)
})

void t.test('an unreachable registry and one without tables are told apart', async (t) => {
  t.match(await runCli('postgres://nobody@127.0.0.1:9/none', ['doctor']), { code: 1, stdout: /✘ registry .*ECONNREFUSED[^]*REGISTRY_DATABASE_URL/ })
  const ground = await makeRegistry(t)
  await ground.sql.query('ALTER TABLE pgmigrations RENAME TO lost')
  t.match(await runCli(ground.registryUrl, ['doctor']), { code: 1, stdout: /✘ registry schema[^]*koinonia migrate/ })
  await ground.sql.query('ALTER TABLE lost RENAME TO pgmigrations')
})
