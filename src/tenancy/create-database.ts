// From a row in the registry to a database ready for use: its role, the database, everything in it owned, the schema's version confirmed.
import { sql, type UpdateObject } from 'kysely'
import { type ClientBase, DatabaseError, escapeIdentifier } from 'pg'
import { applyMigrations, applyMigrationsTo } from '../registry/apply-migrations.js'
import { type RegistryDatabase } from '../registry/db.js'
import { tenantPassword } from './credentials.js'
import { newlyOwned, type Provisioning } from './provisioning.js'
import { allowActingAs, createTenantRole } from './roles.js'
import { currentSchemaVersion } from './schema-version.js'
import { TENANT_LOCK, withAdvisoryLock } from './server-administration.js'
import { DATABASE_LOCALE, ensureTemplate, TEMPLATE_OWNER } from './template.js'
import { type Tenant } from './tenant.js'

const UNDEFINED_DATABASE = '3D000'

/** The row is not ours any more: it took so long that somebody has begun to undo it. */
export class ReservationLost extends Error {
  override readonly name = 'ReservationLost'
}

/**
 * Every step can be repeated. Leaves the row `creating`, with its schema version.
 * @throws ReservationLost; PostgreSQL's errors; Problem DATABASE_BUSY, DATABASE_UNAVAILABLE
 */
export async function createDatabase (work: Provisioning, tenant: Tenant): Promise<Tenant> {
  const version = await makeDatabase(work, tenant, () => renewLease(work, tenant))
  await recordVersion(work, tenant, version)
  await work.onStep('ready', tenant.id)
  return { ...tenant, schemaVersion: version }
}

/**
 * The same on the server that `tenant` names, whatever the registry says of it; nothing is recorded. Returns the schema's version.
 * `between` runs before each long step, and ends it all by throwing. `version`: the schema's, if not this code's.
 */
export async function makeDatabase (work: Provisioning, tenant: Tenant, between: () => Promise<void>, version = currentSchemaVersion()): Promise<number> {
  const server = tenant.server.name
  const template = version === currentSchemaVersion() ? await chooseTemplate(work, server) : undefined
  await between()
  await work.servers.connect(server, async (client) => {
    await createTenantRole(client, tenant.roleName, tenantPassword(work.keyring, tenant), await work.identity())
    await work.onStep('role-created', tenant.id)
    // Whoever undoes this waits for the lock, so a CREATE DATABASE that outlives our process still finds its end.
    await withAdvisoryLock(client, [TENANT_LOCK, tenant.id], () => cloneTemplate(work, client, tenant, template))
    await work.onStep('database-created', tenant.id)
  })
  await between()
  return await work.servers.connect(server, (inside) => takeOver(work, inside, tenant, version), tenant.databaseName)
}

/** Without a template the database is made empty, and migrated as any other that is behind. */
async function chooseTemplate (work: Provisioning, server: string): Promise<string | undefined> {
  try {
    return await ensureTemplate(work, server)
  } catch (error) {
    work.log.warn({ err: error, server }, 'no template could be made; the new database is migrated from the beginning')
    return undefined
  }
}

async function cloneTemplate (work: Provisioning, client: ClientBase, tenant: Tenant, template: string | undefined): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [tenant.databaseName])
  if (rows.length === 0) {
    await work.onStep('database-creating', tenant.id)
    try {
      await create(client, tenant, template === undefined ? DATABASE_LOCALE : `TEMPLATE ${escapeIdentifier(template)}`)
    } catch (error) {
      if (template === undefined || !(error instanceof DatabaseError) || error.code !== UNDEFINED_DATABASE) throw error
      // The template was dropped as stale since we looked.
      await create(client, tenant, DATABASE_LOCALE)
    }
  }
  const database = escapeIdentifier(tenant.databaseName)
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC; ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS true`)
}

/** Closed to everybody until its privileges are set: they are not copied from the template. */
async function create (client: ClientBase, tenant: Tenant, source: string): Promise<void> {
  await client.query(`CREATE DATABASE ${escapeIdentifier(tenant.databaseName)} OWNER ${escapeIdentifier(tenant.roleName)} ${source} ALLOW_CONNECTIONS false`)
}

async function takeOver (work: Provisioning, inside: ClientBase, tenant: Tenant, wanted: number): Promise<number> {
  const role = escapeIdentifier(tenant.roleName)
  await inside.query(`REVOKE ALL ON SCHEMA public FROM PUBLIC;
    DO $$ BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = '${TEMPLATE_OWNER}') THEN REASSIGN OWNED BY ${TEMPLATE_OWNER} TO ${role}; END IF;
    END $$`)
  await work.onStep('database-owned', tenant.id)
  const version = await migrateAsTenant(work, inside, tenant, wanted)
  await work.onStep('database-migrated', tenant.id)
  return version
}

/** Over an administrator's connection that acts as the tenant's role, so whatever the files create is the tenant's. Returns the version. */
export async function migrateAsTenant (work: Pick<Provisioning, 'log'>, inside: ClientBase, tenant: Pick<Tenant, 'id' | 'roleName'>, wanted = currentSchemaVersion()): Promise<number> {
  await allowActingAs(inside, tenant.roleName)
  await inside.query(`SET ROLE ${escapeIdentifier(tenant.roleName)}`)
  const log = work.log.child({ tenantId: tenant.id })
  const { version } = wanted === currentSchemaVersion() ? await applyMigrations(inside, 'tenant', log) : await applyMigrationsTo(inside, 'tenant', log, wanted)
  if (version < wanted) throw new Error(`The database of tenant ${tenant.id} is at version ${version} after migrating to ${wanted}`)
  return version
}

async function renewLease (work: Provisioning, tenant: Tenant): Promise<void> {
  await updateOwn(work, tenant, newlyOwned(work))
}

async function recordVersion (work: Provisioning, tenant: Tenant, version: number): Promise<void> {
  await updateOwn(work, tenant, {
    schema_version: version,
    migration_status: 'done',
    migration_error: null,
    migration_attempted_at: sql<Date>`now()`,
    ...newlyOwned(work)
  })
}

type TenantChange = UpdateObject<RegistryDatabase, 'tenants'>

/** Changes a creating row as long as it is this process's. @throws ReservationLost */
export async function updateOwn (work: Provisioning, tenant: Pick<Tenant, 'id'>, change: TenantChange): Promise<void> {
  const { numUpdatedRows } = await work.registry.updateTable('tenants')
    .set({ ...change, updated_at: sql<Date>`now()` })
    .where('id', '=', tenant.id)
    .where('status', '=', 'creating')
    .where('provisioning_owner', '=', work.owner)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new ReservationLost(`Tenant ${tenant.id} was taken back while it was being made`)
}
