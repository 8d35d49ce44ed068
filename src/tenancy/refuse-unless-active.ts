// What a request for a tenant that is not in use is answered.
import { problem } from '../errors.js'
import { type Tenant } from './tenant.js'

/** One that is being moved is read from; PostgreSQL itself refuses to write. @throws Problem TENANT_NOT_FOUND, TENANT_SUSPENDED, TENANT_ARCHIVED */
export function refuseUnlessActive (tenant: Tenant | undefined): asserts tenant is Tenant {
  switch (tenant?.status) {
    case 'active':
    case 'moving':
      return
    case 'suspended':
      throw problem('TENANT_SUSPENDED')
    case 'archived':
      throw problem('TENANT_ARCHIVED')
    case undefined:
    case 'creating':
    case 'spare':
    case 'deleting':
    case 'deleted':
      throw problem('TENANT_NOT_FOUND')
  }
}
