// Opens a connection to the spares that are next in line, so that a sign-up doesn't wait for one, and is sure to get in.
import { type Provisioning } from './provisioning.js'
import { currentSchemaVersion } from './schema-version.js'
import { type Tenant } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'

/** More would only be stolen by tenants at work. */
const WARM = 8

/** A spare that does not let us in is logged, and left to the doctor. */
export async function warmSpares (work: Provisioning, leaseOf: (tenant: Tenant) => Promise<{ release: () => void }>): Promise<void> {
  const rows = await selectTenants(work.registry)
    .where('tenants.status', '=', 'spare')
    .where('tenants.schema_version', '>=', currentSchemaVersion())
    .orderBy('tenants.created_at')
    .limit(WARM)
    .execute()
  for (const tenant of rows.map(toTenant)) {
    try {
      (await leaseOf(tenant)).release()
    } catch (error) {
      work.log.warn({ err: error, tenantId: tenant.id }, 'a spare tenant database does not let its own role in')
    }
  }
}
