// The organization's zone is in the registry, and every process keeps it with the tenant: they are told to forget it.
import { sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { type TenantId } from '../../tenancy/tenant.js'

export async function writeOrganizationZone (registry: RegistryDb, tenantId: TenantId, timeZone: string): Promise<void> {
  await registry.transaction().execute(async (trx) => {
    await trx.updateTable('organizations').set({ time_zone: timeZone, updated_at: sql`now()` })
      .where('id', '=', (eb) => eb.selectFrom('tenants').select('organization_id').where('id', '=', tenantId)).execute()
    await sql`SELECT pg_notify('tenant_changed', ${tenantId})`.execute(trx)
  })
}
