// Opens a connection to the spares that are next in line and rehearses the sign-up on it, which would otherwise wait for both.
import { type TenantLease } from './lease.js'
import { type Provisioning } from './provisioning.js'
import { currentSchemaVersion } from './schema-version.js'
import { type Tenant, type TenantDb } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'

/** More would only be stolen by tenants at work. */
const WARM = 8
/** In requests: more than one who has just signed up and may not come back today, less than tenants at work. */
const WORTH = 4

/** Runs on a spare what its sign-up will, and leaves nothing behind: what a first statement costs is spent by then. */
export type Rehearsal = (db: TenantDb) => Promise<void>

/** A spare that does not let us in is logged, and left to the doctor. */
export async function warmSpares (work: Provisioning, leaseOf: (tenant: Tenant, worth: number) => Promise<TenantLease>, rehearse?: Rehearsal): Promise<void> {
  const rows = await selectTenants(work.registry)
    .where('tenants.status', '=', 'spare')
    .where('tenants.schema_version', '>=', currentSchemaVersion())
    .orderBy('tenants.created_at')
    .limit(WARM)
    .execute()
  for (const tenant of rows.map(toTenant)) {
    try {
      const lease = await leaseOf(tenant, WORTH)
      try {
        if (lease.fresh) await rehearse?.(lease.db)
      } finally {
        lease.release()
      }
    } catch (error) {
      work.log.warn({ err: error, tenantId: tenant.id }, 'a spare tenant database does not let its own role in')
    }
  }
}
