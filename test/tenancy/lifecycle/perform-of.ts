// What the kill tests ask for, by its name.
import { type Operations } from '../../../src/tenancy/lifecycle/operations.js'
import { requestDeletion } from '../../../src/tenancy/lifecycle/request-deletion.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'

export async function performOf (operations: Operations, kind: string, tenantId: string): Promise<void> {
  const id = tenantId as TenantId
  switch (kind) {
    case 'delete':
      await requestDeletion(operations, id, { at: new Date(), now: true, requestedBy: 'tests' })
      await operations.runDue(new AbortController().signal)
      break
    default:
      throw new Error(`Nothing is called ${kind}`)
  }
}
