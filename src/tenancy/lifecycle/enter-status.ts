// How an operation takes hold of a tenant's status, and lets go of it.
import { sql } from 'kysely'
import { problem } from '../../errors.js'
import { type RegistryTrx } from '../../registry/db.js'
import { type TenantId, type TenantStatus } from '../tenant.js'

/**
 * Returns the status it had; without `to` it stays so. A run over the fleet takes no tenant whose status an operation holds, and here none is taken that a run has in hand.
 * @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT, TENANT_OPERATION_UNFINISHED
 */
export async function enterStatus<From extends TenantStatus> (trx: RegistryTrx, id: TenantId, from: readonly From[], to: TenantStatus | undefined): Promise<From> {
  const row = await trx.selectFrom('tenants').select(['status', sql<boolean>`coalesce(migration_expires_at > now(), false)`.as('migrating')]).where('id', '=', id).forUpdate().executeTakeFirst()
  if (row === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${id}. List them with: koinonia tenants list` })
  const was = from.find((status) => status === row.status)
  if (was === undefined) throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${row.status}; this needs one that is ${from.join(' or ')}.` })
  if (row.migrating) throw problem('TENANT_OPERATION_UNFINISHED', { detail: 'The organization\'s database is being migrated. Try again when that has ended.' })
  if (to !== undefined) await setStatus(trx, id, to)
  return was
}

/** Every process hears of it when the transaction commits. */
export async function setStatus (trx: RegistryTrx, id: TenantId, status: TenantStatus): Promise<void> {
  await trx.updateTable('tenants').set({ status, updated_at: sql<Date>`now()` }).where('id', '=', id).execute()
}
