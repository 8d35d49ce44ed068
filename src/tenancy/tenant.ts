// What a tenant is: an organization's own database, where it lives, and whether it may be used.
import { type Kysely } from 'kysely'
import { type DB as TenantDatabase } from './database.js'

export type { TenantDatabase }
export type TenantDb = Kysely<TenantDatabase>

declare const tenantIdBrand: unique symbol
export type TenantId = string & { readonly [tenantIdBrand]: true }

export type TenantStatus = 'creating' | 'spare' | 'active' | 'suspended' | 'moving' | 'archived' | 'deleting' | 'deleted'

export interface ServerAddress { name: string, host: string, port: number }
export interface DatabaseServer extends ServerAddress { id: string }

export interface Tenant {
  id: TenantId
  organizationId: string | null
  organizationName: string | null
  /** IANA zone of the organization. */
  timeZone: string
  server: DatabaseServer
  databaseName: string
  roleName: string
  credentialVersion: number
  status: TenantStatus
  schemaVersion: number
}

/** Ids are cuid2; whatever else a token or a URL carries is no tenant's id. */
export function isTenantId (value: string): value is TenantId {
  return /^[a-z][a-z0-9]{7,31}$/.test(value)
}
