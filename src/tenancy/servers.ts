// The database servers of the settings in the registry, and which of them takes the next tenant.
import { sql } from 'kysely'
import { type RegistryDb, type RegistryTrx } from '../registry/db.js'
import { type ServerAdministration } from './server-administration.js'
import { type DatabaseServer } from './tenant.js'

/** Makes the registry's list agree with the settings. `secretRef` says in which setting the administrator's URL stands; the URL stays there. */
export async function recordServers (registry: RegistryDb, servers: Pick<ServerAdministration, 'names' | 'address'>, secretRef: string): Promise<void> {
  for (const name of servers.names) {
    const { host, port } = servers.address(name)
    await registry.insertInto('database_servers')
      .values({ name, host, port, admin_secret_ref: `${secretRef}:${name}` })
      .onConflict((conflict) => conflict.column('name').doUpdateSet((row) => ({
        host: row.ref('excluded.host'),
        port: row.ref('excluded.port'),
        admin_secret_ref: row.ref('excluded.admin_secret_ref'),
        updated_at: sql<Date>`now()`
      })).where((row) => row.or([
        row('database_servers.host', '!=', row.ref('excluded.host')),
        row('database_servers.port', '!=', row.ref('excluded.port')),
        row('database_servers.admin_secret_ref', '!=', row.ref('excluded.admin_secret_ref'))
      ])))
      .execute()
  }
}

/** Names of the servers that may have spares, full ones too, the least full first. */
export async function serversByFullness (registry: RegistryDb, names: string[]): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT s.name FROM database_servers s LEFT JOIN tenants t ON t.server_id = s.id AND t.status NOT IN ('deleted', 'archived', 'spare')
    WHERE s.state IN ('open', 'full') AND s.name = ANY(${names})
    GROUP BY s.id ORDER BY count(t.id)::float / s.max_tenants, s.name`.execute(registry)
  return rows.map(({ name }) => name)
}

/** Whether a tenant may still be begun there; keeps it so until the transaction ends. */
export async function isOpen (trx: RegistryTrx, id: string): Promise<boolean> {
  const { rows } = await sql<{ state: string }>`SELECT state FROM database_servers WHERE id = ${id} FOR SHARE`.execute(trx)
  return rows[0]?.state === 'open'
}

/** Open servers of the settings with room left, the least full first. */
export async function openServers (registry: RegistryDb, names: string[]): Promise<DatabaseServer[]> {
  if (names.length === 0) return []
  const { rows } = await sql<DatabaseServer>`
    SELECT s.id, s.name, s.host, s.port
    FROM database_servers s LEFT JOIN tenants t ON t.server_id = s.id AND t.status NOT IN ('deleted', 'archived')
    WHERE s.state = 'open' AND s.name = ANY(${names})
    GROUP BY s.id HAVING count(t.id) < s.max_tenants
    ORDER BY count(t.id)::float / s.max_tenants, s.name`.execute(registry)
  return rows
}
