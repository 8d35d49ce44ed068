// The password of a tenant's database role: derived when needed, so none is ever stored.
import { createHmac } from 'node:crypto'
import { type Keyring } from '../crypto/keyring.js'
import { type Tenant } from './tenant.js'

export type CredentialFacts = Pick<Tenant, 'id' | 'credentialVersion'> & { server: Pick<Tenant['server'], 'name'> }

/** 43 characters of base64url. Raising the tenant's credential version rotates it. */
export function tenantPassword (keyring: Keyring, tenant: CredentialFacts): string {
  return createHmac('sha256', keyring.derive(`tenant-password:${tenant.server.name}`))
    .update(`${tenant.id}:${tenant.credentialVersion}`)
    .digest('base64url')
}
