// Sign-up's side of the tenancy engine: spares, the cold path, many at once, and what each tenant's role may do.
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { registryIdentity } from '../../src/registry/identity.js'
import { tenantPassword } from '../../src/tenancy/credentials.js'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { connect, databaseUrl, makeRegistry, marked, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'

void t.test('with a spare, signing up creates no database: the spare becomes the organization\'s', async (t) => {
  const ground = await makeRegistry(t)
  const steps: string[] = []
  const { provisioner, registry, tenancy } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 }, { onStep: (step) => { steps.push(step) } })
  t.strictSame(await provisioner.refillSpares(), { made: 1, failed: 0 })
  const spare = await registry.db.selectFrom('tenants').selectAll().executeTakeFirstOrThrow()
  t.match(spare, { status: 'spare', schema_version: currentSchemaVersion(), migration_status: 'done', organization_id: null, provisioning_owner: null })
  const identity = await registryIdentity(registry.db)
  const before = await marked(ground.admin, identity)
  t.equal(before.length, 1)
  steps.length = 0
  const reservation = await provisioner.reserve({ ...newChurch(), timeZone: 'America/Chicago' })
  t.equal(reservation.tenant.id, spare.id)
  t.match(reservation.tenant, { status: 'creating', organizationId: reservation.organizationId, organizationName: 'Grace Chapel', timeZone: 'America/Chicago', server: { name: 'primary' } })
  const admin = newAdmin()
  await provisioner.activate(reservation, admin)
  await provisioner.activate(reservation, admin)
  t.strictSame(steps, ['claimed', 'activated', 'activated'])
  t.strictSame(await marked(ground.admin, identity), before, 'no database was created')
  t.match(await registry.db.selectFrom('admin_email_index').selectAll().execute(), [{ tenant_id: spare.id, admin_id: admin.id }])
  const name = await tenancy.withTenant(reservation.tenant.id, async (db) => (await sql<{ name: string }>`SELECT current_user AS name`.execute(db)).rows[0]?.name)
  t.equal(name, `tenant_${spare.id}`)
  t.strictSame(await provisioner.refillSpares(), { made: 1, failed: 0 }, 'the spare is replaced')
  t.strictSame(await provisioner.refillSpares(), { made: 0, failed: 0 })
})

void t.test('without a spare a database is made while the caller waits, and everything in it is the tenant\'s', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 0 })
  const { tenant } = await provisioner.reserve(newChurch())
  t.equal(tenant.schemaVersion, currentSchemaVersion())
  const inside = await connect(databaseUrl(ground.adminUrl, tenant.databaseName))
  const { rows: owners } = await inside.query<{ owner: string }>(`
    SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()
    UNION SELECT pg_get_userbyid(extowner) FROM pg_extension WHERE extname <> 'plpgsql'
    UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'refuse_change'`)
  t.strictSame(owners, [{ owner: tenant.roleName }])
  const { rows: [rights] } = await inside.query<Record<string, boolean>>(`
    SELECT has_database_privilege('public', current_database(), 'CONNECT') AS connect, has_schema_privilege('public', 'public', 'USAGE') AS schema,
           rolsuper, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = $1`, [tenant.roleName])
  t.strictSame(rights, { connect: false, schema: false, rolsuper: false, rolcreatedb: false, rolcreaterole: false, rolcanlogin: true })
  await inside.end()
})

void t.test('ten sign-ups at once with one spare each get a database of their own', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, registry, tenancy } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.refillSpares()
  await Promise.all(Array.from({ length: 10 }, async (_, index) => {
    const reservation = await provisioner.reserve(newChurch(`Church ${index}`))
    await provisioner.activate(reservation, newAdmin(`pastor${index}@example.org`))
    await tenancy.withTenant(reservation.tenant.id, (db) => sql`SELECT 1`.execute(db))
  }))
  const tenants = await registry.db.selectFrom('tenants').select(['status', 'database_name']).execute()
  t.equal(tenants.filter(({ status }) => status === 'active').length, 10)
  t.equal(new Set(tenants.map((tenant) => tenant.database_name)).size, 10)
})

void t.test('an abandoned sign-up leaves nothing, and abandoning it again is harmless', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, registry } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.refillSpares()
  const reservation = await provisioner.reserve(newChurch())
  await provisioner.abandon(reservation)
  await provisioner.abandon(reservation)
  t.strictSame(await registry.db.selectFrom('tenants').select('id').execute(), [])
  t.strictSame(await registry.db.selectFrom('organizations').select('id').execute(), [])
  const { rows: [identity] } = await ground.sql.query<{ id: string }>('SELECT id FROM registry_identity')
  t.strictSame(await marked(ground.admin, identity!.id), [])
  await t.rejects(provisioner.activate(reservation, newAdmin()), { code: 'SIGN_UP_UNAVAILABLE' })
  t.strictSame(await registry.db.selectFrom('admin_email_index').select('tenant_id').execute(), [])
})

void t.test('PostgreSQL itself refuses a tenant\'s role in every database but its own', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, keyring } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 0 })
  const [one, other] = await Promise.all([provisioner.reserve(newChurch('One')), provisioner.reserve(newChurch('Other'))])
  const address = new URL(ground.adminUrl)
  const login = (database: string, password = tenantPassword(keyring, one.tenant)) => {
    const client = new pg.Client({ host: address.hostname, port: Number(address.port), database, user: one.tenant.roleName, password })
    return client.connect().finally(() => client.end())
  }
  await t.resolves(login(one.tenant.databaseName))
  await t.rejects(login(one.tenant.databaseName, tenantPassword(keyring, other.tenant)), { code: '28P01' }, 'another tenant\'s password')
  for (const database of [other.tenant.databaseName, ground.name, 'postgres', 'template1']) {
    await t.rejects(login(database), { code: '42501' }, database)
  }
})

void t.test('a dead server does not stop sign-ups while another is open; with none, nothing of the organization stays', async (t) => {
  const ground = await makeRegistry(t)
  const dead = 'dead=postgres://nobody@127.0.0.1:9/postgres'
  const some = await openProvisioner(t, ground.registryUrl, { TENANT_SERVERS: `${dead},living=${ground.adminUrl}`, SPARE_TENANTS: 1 })
  t.strictSame(await some.provisioner.refillSpares(), { made: 1, failed: 1 })
  t.equal((await some.provisioner.reserve(newChurch('Spare'))).tenant.server.name, 'living')
  t.equal((await some.provisioner.reserve(newChurch('Cold'))).tenant.server.name, 'living')
  const none = await openProvisioner(t, ground.registryUrl, { TENANT_SERVERS: dead, SPARE_TENANTS: 0 })
  await t.rejects(none.provisioner.reserve(newChurch('Nowhere')), { code: 'SIGN_UP_UNAVAILABLE' })
  const names = await some.registry.db.selectFrom('organizations').select('name').orderBy('name').execute()
  t.strictSame(names, [{ name: 'Cold' }, { name: 'Spare' }])
})
