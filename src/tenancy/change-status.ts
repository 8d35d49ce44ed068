// Suspends a tenant and takes that back: one row, which every process hears of.
import { sql } from 'kysely'
import { type Logger } from 'pino'
import { problem } from '../errors.js'
import { type RegistryDb } from '../registry/db.js'
import { type TenantId } from './tenant.js'

/** Doing it twice is no error. @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT */
export async function changeStatus (registry: RegistryDb, log: Logger, id: TenantId, from: 'active' | 'suspended', to: 'active' | 'suspended'): Promise<void> {
  const changed = await registry.updateTable('tenants').set({ status: to, updated_at: sql<Date>`now()` })
    .where('id', '=', id).where('status', '=', from).returning('id').executeTakeFirst()
  if (changed !== undefined) {
    log.info({ tenantId: id, status: to }, 'tenant status changed')
    return
  }
  const tenant = await registry.selectFrom('tenants').select('status').where('id', '=', id).executeTakeFirst()
  if (tenant === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${id}. List them with koinonia tenants list.` })
  if (tenant.status !== to) throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${tenant.status}; only one that is ${from} can become ${to}.` })
}
