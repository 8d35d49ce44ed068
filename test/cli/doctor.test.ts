// `koinonia doctor` on a healthy service, and with faults planted one beside the other; what --fix mends and what it leaves alone.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { registryIdentity } from '../../src/registry/identity.js'
import { connect, databaseUrl, makeRegistry, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'
import { runCli } from './run-cli.js'

t.setTimeout(240_000)

interface Answer {
  healthy: boolean
  checks: Array<{ name: string, state: string, detail: string, next?: string, fix?: string }>
  fixes: Array<{ what: string, done: boolean, error?: string }>
}

const amiss = (checks: Answer['checks']) => checks.filter(({ state }) => state !== 'ok').map(({ name }) => name).sort()

void t.test('a healthy service passes; people get a table, programs JSON', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.refillSpares()
  const run = await runCli(ground.registryUrl, ['doctor', '--tenants'], { settings: { SPARE_TENANTS: '1' } })
  t.match(run, { code: 0, stdout: /✔ registry[^]*1 of 1 ready[^]*Everything is well/ })
})

void t.test('every planted fault is found and nothing is touched; --fix names what is safe, does it, and leaves the rest', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, tenancy, registry } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  const mark = `koinonia registry ${await registryIdentity(registry.db)}`
  const reserve = async (name: string) => (await provisioner.reserve(newChurch(name))).tenant
  const [gone, behind, archived, stuck, cut] = [await provisioner.reserve(newChurch('Gone')), await provisioner.reserve(newChurch('Behind')), await reserve('Archived'), await reserve('Stuck'), await reserve('Cut')]
  const [dead, orphan, lived, bare] = [await reserve('Dead'), await reserve('Orphan'), await reserve('Lived in'), await reserve('Role alone')]
  await provisioner.activate(gone, newAdmin())
  await provisioner.activate(behind, newAdmin())
  await provisioner.refillSpares()
  for (const { id } of [gone.tenant, orphan, lived, dead, bare]) await tenancy.drain(id)
  const { sql, admin } = ground
  await admin.query(`DROP DATABASE ${gone.tenant.databaseName} WITH (FORCE)`)
  await sql.query('UPDATE tenants SET schema_version = 1 WHERE id = $1 OR status = \'spare\'', [behind.tenant.id])
  await sql.query('UPDATE tenants SET provisioning_expires_at = now() - interval \'1 hour\' WHERE id = ANY($1)', [[stuck.id, cut.id]])
  await sql.query('UPDATE tenants SET status = \'archived\', provisioning_owner = NULL WHERE id = $1', [archived.id])
  await admin.query(`COMMENT ON ROLE ${stuck.roleName} IS 'somebody else''s'`)
  const inside = await connect(databaseUrl(ground.adminUrl, lived.databaseName))
  await inside.query('INSERT INTO admins (email, password_hash, first_name, last_name, role) VALUES (\'a@example.org\', \'none\', \'A\', \'B\', \'primary\')')
  await inside.end()
  await admin.query(`DROP DATABASE ${bare.databaseName} WITH (FORCE)`)
  await sql.query('DELETE FROM tenants WHERE id = ANY($1)', [[orphan.id, lived.id, bare.id]])
  await admin.query(`DROP DATABASE ${dead.databaseName} WITH (FORCE)`)
  await admin.query(`DROP ROLE ${dead.roleName}`)
  await sql.query('UPDATE tenants SET status = \'deleted\', provisioning_owner = NULL WHERE id = $1', [dead.id])
  await sql.query('INSERT INTO admin_email_index (email_hash, tenant_id, admin_id) VALUES ($1, $2, uuidv7())', [randomBytes(32), dead.id])
  await sql.query('INSERT INTO phone_number_registry (phone_number, tenant_id) VALUES (\'+16155550123\', $1)', [dead.id])
  await sql.query('INSERT INTO tenant_operations (tenant_id, kind, status, error, requested_by) VALUES ($1, \'delete\', \'failed\', \'The disk is full.\', \'ana@host\')', [behind.tenant.id])
  await sql.query('INSERT INTO tenant_operations (tenant_id, kind, requested_by, run_after) VALUES ($1, \'delete\', \'ana@host\', now() - interval \'1 hour\')', [gone.tenant.id])
  await sql.query('SELECT graphile_worker.add_job(\'broken\', max_attempts => 1), graphile_worker.add_job(\'waiting\', run_at => now() - interval \'1 hour\')')
  await sql.query('UPDATE graphile_worker._private_jobs SET attempts = max_attempts WHERE max_attempts = 1')
  const template = `koinonia_template_${randomBytes(6).toString('hex')}`
  await admin.query(`CREATE DATABASE ${template}`)
  await admin.query(`COMMENT ON DATABASE ${template} IS '${mark}'`)
  const local = new URL(ground.adminUrl)
  const doctor = async (...options: string[]) => {
    const run = await runCli(ground.registryUrl, ['doctor', '--json', ...options], { settings: { TENANT_SERVERS: `primary=${local.href},dead=postgres://nobody@127.0.0.1:9/postgres` } })
    t.equal(run.code, 1)
    t.notMatch(run.stdout, local.password === '' ? /nobody@/ : local.password, 'no URL with its password is shown')
    return { ...JSON.parse(run.stdout) as Answer, said: run.stderr }
  }
  const state = async () => (await sql.query<object>('SELECT id, status, schema_version, provisioning_owner FROM tenants ORDER BY id')).rows

  const before = await state()
  const looked = await doctor()
  t.equal(looked.healthy, false)
  const unsafe = ['database missing', 'failed jobs', 'failed operation', 'misplaced database', 'orphan with data', 'overdue jobs', 'overdue operation', 'server dead', 'tenant schemas']
  const safe = ['e-mail index', 'number index', 'orphan', 'orphan', 'stale spares', 'stale template', 'unfinished tenant', 'unfinished tenant']
  t.strictSame(amiss(looked.checks).filter((name) => !name.endsWith(' spares') || name === 'stale spares'), [...unsafe, ...safe].sort())
  for (const { name, next } of looked.checks.filter(({ state }) => state !== 'ok')) t.ok(next, `${name} says what to do`)
  t.strictSame(looked.checks.filter(({ fix }) => fix !== undefined).map(({ name }) => name).sort(), safe)
  t.strictSame([looked.fixes, await state()], [[], before], 'looking changes nothing')

  const fixed = await doctor('--fix')
  t.strictSame(fixed.fixes.filter(({ done }) => !done).map(({ what }) => what), [`take back tenant ${stuck.id} on primary`])
  t.equal(fixed.fixes.length, safe.length)
  t.ok(fixed.said.indexOf(`  drop database and role ${orphan.databaseName}`) < fixed.said.indexOf('✔'), 'each is named before the first is done')
  t.strictSame(amiss(fixed.checks).filter((name) => !name.endsWith(' spares')), unsafe, 'what could not be taken back is tried again later')
  const { rows: left } = await admin.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname = ANY($1) ORDER BY 1', [[orphan.databaseName, lived.databaseName, cut.databaseName, template]])
  t.strictSame(left.map(({ datname }) => datname), [lived.databaseName])
  const { rows: roles } = await admin.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE rolname = ANY($1)', [[orphan.roleName, lived.roleName, bare.roleName]])
  t.strictSame(roles.map(({ rolname }) => rolname), [lived.roleName])
  t.strictSame((await sql.query<object>('SELECT action, outcome FROM operator_audit WHERE subject = $1', [cut.id])).rows, [{ action: 'doctor.fix', outcome: 'done' }])
  await admin.query(`DROP DATABASE ${stuck.databaseName} WITH (FORCE)`)
  await admin.query(`DROP ROLE ${stuck.roleName}`)
})

void t.test('an unreachable registry and one without tables are told apart', async (t) => {
  t.match(await runCli('postgres://nobody@127.0.0.1:9/none', ['doctor']), { code: 1, stdout: /✘ registry .*ECONNREFUSED[^]*REGISTRY_DATABASE_URL/ })
  const ground = await makeRegistry(t)
  await ground.sql.query('ALTER TABLE pgmigrations RENAME TO lost')
  t.match(await runCli(ground.registryUrl, ['doctor']), { code: 1, stdout: /✘ registry schema[^]*koinonia migrate/ })
  await ground.sql.query('ALTER TABLE lost RENAME TO pgmigrations')
})
