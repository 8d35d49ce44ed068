// The request to delete an organization: refused from now on, removed at the given time by a worker. Asking again changes nothing but that time to now.
import { type TenantId } from '../tenant.js'
import { deleteSaga } from './delete-tenant.js'
import { type Operations } from './operations.js'

export interface Deletion { operationId: string, effectiveAt: Date }

/** @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT, TENANT_OPERATION_UNFINISHED */
export async function requestDeletion (operations: Operations, tenantId: TenantId, { at, now, requestedBy }: { at: Date, now: boolean, requestedBy: string }): Promise<Deletion> {
  const [unfinished] = await operations.list({ tenantId, unfinishedOnly: true, limit: 1 })
  if (unfinished?.kind !== deleteSaga.kind) {
    return { operationId: await operations.begin(deleteSaga, tenantId, {}, { requestedBy, runAfter: at }), effectiveAt: at }
  }
  if (now) await operations.bringForward(unfinished.id)
  return { operationId: unfinished.id, effectiveAt: now ? at : unfinished.run_after }
}

/** Lets it be as it was before. @throws Problem TENANT_STATUS_CONFLICT once the grace is over, or when nothing was to be deleted */
export async function takeBackDeletion (operations: Operations, tenantId: TenantId): Promise<void> {
  await operations.takeBack(deleteSaga.kind, tenantId)
}
