// Where the organizations' databases are, and how their own roles get in: for peers.
import pg from 'pg'
import { createKeyring } from '../../src/crypto/keyring.js'
import { tenantPassword } from '../../src/tenancy/credentials.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'
import { type Bench } from './bench.js'

/** URLs of the organizations' databases by tenant. */
export async function databasesOf ({ postgres }: Bench, registryUrl: string, organizations: Array<{ tenantId: string }>): Promise<Record<string, string>> {
  const registry = new pg.Client({ connectionString: registryUrl, application_name: 'bench' })
  await registry.connect()
  const { rows } = await registry.query<{ id: TenantId, database_name: string, role_name: string, credential_version: number, server: string }>(
    'SELECT t.id, database_name, role_name, credential_version, s.name AS server FROM tenants t JOIN database_servers s ON s.id = t.server_id')
  await registry.end()
  const keyring = createKeyring(MASTER_KEY)
  const urls = new Map<string, string>(rows.map((row) => {
    const password = tenantPassword(keyring, { id: row.id, credentialVersion: row.credential_version, server: { name: row.server } })
    return [row.id, `postgres://${row.role_name}:${password}@${postgres.host}:${postgres.port}/${row.database_name}`]
  }))
  return Object.fromEntries(organizations.map(({ tenantId }) => [tenantId, urls.get(tenantId) ?? '']))
}
