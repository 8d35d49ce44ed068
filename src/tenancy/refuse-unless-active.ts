// What a request for a tenant that is not in use is answered.
import { problem } from '../errors.js'
import { type Tenant } from './tenant.js'

/** @throws Problem TENANT_NOT_FOUND, TENANT_SUSPENDED, TENANT_ARCHIVED, TENANT_MOVING */
export function refuseUnlessActive (tenant: Tenant | undefined): asserts tenant is Tenant {
  switch (tenant?.status) {
    case 'active':
      return
    case 'suspended':
      throw problem('TENANT_SUSPENDED')
    case 'archived':
      throw problem('TENANT_ARCHIVED')
    case 'moving':
      throw problem('TENANT_MOVING', { retryAfter: 5 })
    case undefined:
    case 'creating':
    case 'spare':
    case 'deleting':
    case 'deleted':
      throw problem('TENANT_NOT_FOUND')
  }
}
