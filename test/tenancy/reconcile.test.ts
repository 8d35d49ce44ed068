// What the reconciler removes, what it only reports, and what it never touches.
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import t from 'tap'
import { registryIdentity } from '../../src/registry/identity.js'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { templateName } from '../../src/tenancy/template.js'
import { connect, databaseUrl, makeRegistry, marked, newAdmin, newChurch, openProvisioner, silent } from '../helpers/provisioning-ground.js'
import { openRegistry } from '../../src/registry/db.js'

const exists = async (admin: pg.Client, database: string) =>
  (await admin.query<object>('SELECT FROM pg_database WHERE datname = $1', [database])).rows.length > 0

void t.test('a database of ours without a row is dropped when nobody has an account in it, and reported when somebody has', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, tenancy, registry } = await openProvisioner(t, ground.registryUrl)
  const [empty, lived] = [await provisioner.reserve(newChurch('Empty')), await provisioner.reserve(newChurch('Lived in'))]
  const { db, release } = await tenancy.leaseOf(lived.tenant)
  await db.insertInto('admins').values({ email: 'a@example.org', password_hash: 'none', first_name: 'A', last_name: 'B', role: 'primary' }).execute()
  release()
  await registry.db.deleteFrom('tenants').execute()
  const report = await provisioner.reconcile()
  t.strictSame(report.orphansDropped, [empty.tenant.databaseName])
  t.match(report.findings, [{ kind: 'orphan-with-data', subject: lived.tenant.databaseName }])
  t.equal(await exists(ground.admin, lived.tenant.databaseName), true)
  t.strictSame(await marked(ground.admin, await registryIdentity(registry.db)), [lived.tenant.roleName])
})

void t.test('what another registry made on the same server is never touched', async (t) => {
  const [here, there] = [await makeRegistry(t), await makeRegistry(t)]
  const [ours, theirs] = [await openProvisioner(t, here.registryUrl, { SPARE_TENANTS: 1 }), await openProvisioner(t, there.registryUrl, { SPARE_TENANTS: 1 })]
  await theirs.provisioner.refillSpares()
  t.match(await ours.provisioner.reconcile(), { orphansDropped: [], templatesDropped: [], findings: [] })
  t.equal((await marked(here.admin, await registryIdentity(theirs.registry.db))).length, 1)
})

void t.test('a copy of a registry takes an id of its own and drops nothing of the original, even unfinished rows it copied', async (t) => {
  const ground = await makeRegistry(t)
  const original = await openProvisioner(t, ground.registryUrl)
  const { tenant } = await original.provisioner.reserve(newChurch())
  const copyName = `registry_${randomBytes(6).toString('hex')}`
  // Processes of the original end their connections for the moment of the copying, as CREATE DATABASE asks.
  await original.tenancy.close(1_000)
  await original.listener.close()
  await original.registry.close()
  await ground.sql.query('UPDATE tenants SET provisioning_expires_at = now() - interval \'1 minute\'')
  await ground.admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [ground.name])
  await ground.admin.query(`CREATE DATABASE ${copyName} TEMPLATE ${ground.name}`)
  t.teardown(() => ground.admin.query(`DROP DATABASE ${copyName} WITH (FORCE)`))
  const copy = await openProvisioner(t, databaseUrl(ground.adminUrl, copyName))
  const report = await copy.provisioner.reconcile()
  t.match(report, { undone: [], orphansDropped: [] })
  t.match(report.findings, [{ kind: 'undo-failed', subject: tenant.databaseName, detail: /marked/ }])
  t.equal(await exists(ground.admin, tenant.databaseName), true)
})

void t.test('a spare whose database is gone is discarded; an active tenant\'s missing database is reported', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, tenancy } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  const active = await provisioner.reserve(newChurch())
  await provisioner.activate(active, newAdmin())
  await provisioner.refillSpares()
  const { rows } = await ground.sql.query<{ id: string, database_name: string, status: string }>('SELECT id, database_name, status FROM tenants')
  for (const tenant of rows) {
    await tenancy.drain(tenant.id as Parameters<typeof tenancy.drain>[0])
    await ground.admin.query(`DROP DATABASE ${tenant.database_name} WITH (FORCE)`)
  }
  const report = await provisioner.reconcile()
  t.strictSame(report.undone, rows.filter(({ status }) => status === 'spare').map(({ id }) => id))
  t.match(report.findings, [{ kind: 'database-missing', subject: active.tenant.databaseName }])
  t.strictSame(await provisioner.refillSpares(), { made: 1, failed: 0 })
})

void t.test('a spare of an older schema is not given out; it is brought up to date', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, registry } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.refillSpares()
  const { id } = await registry.db.updateTable('tenants').set({ schema_version: 1 }).returning('id').executeTakeFirstOrThrow()
  const reservation = await provisioner.reserve(newChurch())
  t.not(reservation.tenant.id, id)
  t.strictSame(await provisioner.refillSpares(), { made: 1, failed: 0 })
  t.match(await registry.db.selectFrom('tenants').select(['status', 'schema_version']).where('id', '=', id).executeTakeFirst(), { status: 'spare', schema_version: currentSchemaVersion() })
})

void t.test('two processes that need the template at once make it once; a half-made one is made anew; a stale one of ours goes', async (t) => {
  const ground = await makeRegistry(t)
  const registry = openRegistry(ground.registryUrl, { DATABASE_REGISTRY_CONNECTIONS: 4, DATABASE_CONNECT_TIMEOUT_MS: 5_000, DATABASE_STATEMENT_TIMEOUT_MS: 5_000 }, silent)
  const mark = `koinonia registry ${await registryIdentity(registry.db)}`
  await registry.close()
  const stale = `koinonia_template_${randomBytes(6).toString('hex')}`
  await ground.admin.query(`CREATE DATABASE ${stale}`)
  await ground.admin.query(`COMMENT ON DATABASE ${stale} IS '${mark}'; ALTER DATABASE ${stale} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`)
  // Not sealed is how a crash leaves it.
  await ground.admin.query(`DO $$ BEGIN IF EXISTS (SELECT FROM pg_database WHERE datname = '${templateName()}') THEN
    ALTER DATABASE ${templateName()} WITH IS_TEMPLATE false; END IF; END $$`)
  const processes = await Promise.all([openProvisioner(t, ground.registryUrl), openProvisioner(t, ground.registryUrl)])
  const reservations = await Promise.all(processes.map(({ provisioner }) => provisioner.reserve(newChurch())))
  t.strictSame(reservations.map(({ tenant }) => tenant.schemaVersion), [currentSchemaVersion(), currentSchemaVersion()])
  const { rows: [template] } = await ground.admin.query<object>('SELECT datistemplate, datallowconn FROM pg_database WHERE datname = $1', [templateName()])
  t.strictSame(template, { datistemplate: true, datallowconn: false })
  await t.rejects(connect(databaseUrl(ground.adminUrl, templateName())), /not currently accepting connections/)
  t.strictSame((await processes[0].provisioner.reconcile()).templatesDropped, [stale])
  t.equal(await exists(ground.admin, stale), false)
})
