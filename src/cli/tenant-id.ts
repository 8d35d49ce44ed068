// The id of a tenant as an operator typed it.
import { problem } from '../errors.js'
import { isTenantId, type TenantId } from '../tenancy/tenant.js'

export const notFound = (id: string) => problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${id}. List them with: koinonia tenants list` })

/** @throws Problem TENANT_NOT_FOUND */
export function asTenantId (id: string): TenantId {
  if (!isTenantId(id)) throw notFound(id)
  return id
}
