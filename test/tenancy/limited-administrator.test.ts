// A managed PostgreSQL gives no superuser: CREATEDB and CREATEROLE must be enough for a database server's administrator.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startEmbeddedPostgres } from '../../src/sandbox/postgres/start-embedded-postgres.js'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { fastFolder } from '../helpers/fast-folder.js'
import { connect, databaseUrl, makeRegistry, newAdmin, newChurch, openProvisioner, silent } from '../helpers/provisioning-ground.js'

void t.test('an administrator who is no superuser makes, fills, migrates and drops tenants', async (t) => {
  const dataDir = await mkdtemp(join(fastFolder, 'koinonia-limited-'))
  const server = await startEmbeddedPostgres({ dataDir, durable: false, log: silent })
  t.teardown(async () => {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  const superuser = await connect(server.adminUrl)
  await superuser.query('CREATE ROLE limited LOGIN CREATEDB CREATEROLE PASSWORD \'limited\'')
  const adminUrl = new URL(server.adminUrl)
  adminUrl.username = 'limited'
  adminUrl.password = 'limited'
  const ground = await makeRegistry(t)
  const { provisioner, tenancy, registry } = await openProvisioner(t, ground.registryUrl, { TENANT_SERVERS: `managed=${adminUrl.href}`, SPARE_TENANTS: 1 })
  t.strictSame(await provisioner.refillSpares(), { made: 1, failed: 0 })
  const [spare, cold] = [await provisioner.reserve(newChurch('Spare')), await provisioner.reserve(newChurch('Cold'))]
  await provisioner.activate(spare, newAdmin())
  await tenancy.withTenant(spare.tenant.id, (db) => db.selectFrom('admins').select('id').execute())
  const { rows: [template] } = await superuser.query<object>('SELECT count(*)::int AS sealed FROM pg_database WHERE datistemplate AND datname LIKE \'koinonia%\'')
  t.strictSame(template, { sealed: 1 })
  const inside = await connect(databaseUrl(server.adminUrl, spare.tenant.databaseName))
  const { rows: owners } = await inside.query<object>('SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = \'public\'::regnamespace')
  t.strictSame(owners, [{ owner: spare.tenant.roleName }])
  await inside.end()
  await registry.db.updateTable('tenants').set({ schema_version: 1 }).where('id', '=', spare.tenant.id).execute()
  t.match(await provisioner.migrateTenants(), { outcome: 'done', migrated: 1, failed: [] })
  t.equal(spare.tenant.schemaVersion, currentSchemaVersion())
  await provisioner.abandon(cold)
  t.match(await provisioner.reconcile(), { findings: [], unfinished: 0 })
  const { rows: roles } = await superuser.query<object>('SELECT rolname FROM pg_roles WHERE rolname LIKE \'tenant\\_%\'')
  t.strictSame(roles, [{ rolname: spare.tenant.roleName }])
  await superuser.end()
})
