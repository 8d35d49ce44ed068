// Brings every tenant's database to this code's schema, one after another; one that fails is recorded and does not stop the rest.
import { sql } from 'kysely'
import { migrateAsTenant } from './create-database.js'
import { renewOutdated } from './fill-spares.js'
import { type Provisioning } from './provisioning.js'
import { currentSchemaVersion } from './schema-version.js'
import { type Tenant } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'

export interface FleetProgress { total: number, done: number, failed: number, tenantId: string | undefined }
export interface FleetResult { migrated: number, failed: Array<{ tenantId: string, error: string }> }

/** Held in the registry by whoever migrates the fleet. */
const FLEET_LOCK = 4_801_520_080

/** Another fleet migration is under way. */
export class FleetBusy extends Error {
  override readonly name = 'FleetBusy'
}

/**
 * Nothing to do is one query. Can be run again after a failure or a crash: what is done stays done.
 * @throws FleetBusy; the registry's errors
 */
export async function migrateTenants (work: Provisioning, onProgress: (progress: FleetProgress) => void): Promise<FleetResult> {
  return await work.registry.connection().execute(async (connection) => {
    const { rows: [lock] } = await sql<{ taken: boolean }>`SELECT pg_try_advisory_lock(${FLEET_LOCK}) AS taken`.execute(connection)
    if (lock?.taken !== true) throw new FleetBusy('Another `koinonia migrate` is at work. Wait until it has ended, then run it again if tenants are still behind.')
    try {
      return await migrateEach(work, onProgress)
    } finally {
      await sql`SELECT pg_advisory_unlock(${FLEET_LOCK})`.execute(connection)
    }
  })
}

async function migrateEach (work: Provisioning, onProgress: (progress: FleetProgress) => void): Promise<FleetResult> {
  const rows = await selectTenants(work.registry)
    .where('tenants.status', 'in', ['active', 'suspended'])
    .where('tenants.schema_version', '<', currentSchemaVersion())
    .orderBy('tenants.created_at')
    .execute()
  const result: FleetResult = { migrated: 0, failed: [] }
  const tell = (tenantId?: string): void => {
    onProgress({ total: rows.length, done: result.migrated + result.failed.length, failed: result.failed.length, tenantId })
  }
  tell()
  for (const tenant of rows.map(toTenant)) {
    const error = await migrateOne(work, tenant)
    if (error === undefined) result.migrated++
    else result.failed.push({ tenantId: tenant.id, error })
    tell(tenant.id)
  }
  const spares = await renewOutdated(work)
  result.migrated += spares.renewed
  return result
}

/** Returns what went wrong, for the row and for the operator. */
async function migrateOne (work: Provisioning, tenant: Tenant): Promise<string | undefined> {
  const record = (change: { migration_status: 'running' | 'done' | 'failed', migration_error: string | null, schema_version?: number }) =>
    work.registry.updateTable('tenants')
      .set({ ...change, migration_attempted_at: sql<Date>`now()`, updated_at: sql<Date>`now()` })
      .where('id', '=', tenant.id)
      .execute()
  await record({ migration_status: 'running', migration_error: null })
  try {
    const version = await work.servers.connect(tenant.server.name, async (inside) => {
      // A long index build is allowed; standing in line for a lock, with every query behind it, is not.
      await inside.query('SET statement_timeout = \'15min\'; SET lock_timeout = \'10s\'')
      return await migrateAsTenant(work, inside, tenant)
    }, tenant.databaseName)
    await record({ migration_status: 'done', migration_error: null, schema_version: version })
    return undefined
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).slice(0, 2_000)
    work.log.error({ err: error, tenantId: tenant.id }, 'a tenant could not be migrated')
    await record({ migration_status: 'failed', migration_error: message })
    return message
  }
}
