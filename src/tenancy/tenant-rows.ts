// Tenants as the registry's rows tell of them.
import { type Kysely, type Selectable } from 'kysely'
import { type RegistryDatabase } from '../registry/db.js'
import { type Tenant, type TenantId } from './tenant.js'

export function selectTenants (registry: Kysely<RegistryDatabase>) {
  return registry
    .selectFrom('tenants')
    .innerJoin('database_servers', 'database_servers.id', 'tenants.server_id')
    .leftJoin('organizations', 'organizations.id', 'tenants.organization_id')
    .select([
      'tenants.id', 'tenants.organization_id', 'tenants.server_id', 'tenants.database_name', 'tenants.role_name', 'tenants.credential_version',
      'tenants.status', 'tenants.schema_version',
      'database_servers.name as server_name', 'database_servers.host', 'database_servers.port',
      'organizations.name as organization_name', 'organizations.time_zone'
    ])
}

type TenantRow = Pick<Selectable<RegistryDatabase['tenants']>,
  'id' | 'organization_id' | 'server_id' | 'database_name' | 'role_name' | 'credential_version' | 'status' | 'schema_version'> &
  { server_name: string, host: string, port: number, organization_name: string | null, time_zone: string | null }

export function toTenant (row: TenantRow): Tenant {
  return {
    id: row.id as TenantId,
    organizationId: row.organization_id,
    organizationName: row.organization_name,
    timeZone: row.time_zone ?? 'UTC',
    server: { id: row.server_id, name: row.server_name, host: row.host, port: row.port },
    databaseName: row.database_name,
    roleName: row.role_name,
    credentialVersion: row.credential_version,
    status: row.status,
    schemaVersion: row.schema_version
  }
}
