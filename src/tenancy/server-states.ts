// The database servers as the operator manages them: in service, being emptied, taken out.
import { sql } from 'kysely'
import { problem } from '../errors.js'
import { type RegistryDb, type RegistryTrx } from '../registry/db.js'
import { type Occupancy } from './plan-moves.js'

export type ServerState = 'open' | 'full' | 'draining' | 'removed'

export interface ServerRow {
  name: string
  state: ServerState
  /** Those whose database is there, or is being made or removed; without spares. */
  tenants: number
  spares: number
  maxTenants: number
  host: string
  port: number
}

export async function listServers (registry: RegistryDb): Promise<ServerRow[]> {
  const { rows } = await sql<ServerRow>`
    SELECT s.name, s.state, count(t.id) FILTER (WHERE t.status NOT IN ('spare', 'archived', 'deleted'))::integer AS tenants,
           count(t.id) FILTER (WHERE t.status = 'spare')::integer AS spares, s.max_tenants AS "maxTenants", s.host, s.port
    FROM database_servers s LEFT JOIN tenants t ON t.server_id = s.id GROUP BY s.id ORDER BY s.name`.execute(registry)
  return rows
}

/** @throws Problem SERVER_UNSUITABLE for one that is not there, or was taken out */
export async function setServerState (registry: RegistryDb, name: string, state: 'open' | 'draining'): Promise<void> {
  const { numUpdatedRows } = await registry.updateTable('database_servers').set({ state, updated_at: sql<Date>`now()` })
    .where('name', '=', name).where('state', '!=', 'removed').executeTakeFirst()
  if (numUpdatedRows === 0n) throw problem('SERVER_UNSUITABLE', { detail: `There is no server ${name}, or it was removed. See: koinonia servers list` })
}

/** In service from here on; `recordServers` has put it in the registry. Without `maxTenants` it keeps what it has. */
export async function openServer (registry: RegistryDb, name: string, maxTenants: number | undefined): Promise<void> {
  await registry.updateTable('database_servers')
    .set({ state: 'open', updated_at: sql<Date>`now()`, ...(maxTenants === undefined ? {} : { max_tenants: maxTenants }) })
    .where('name', '=', name).execute()
}

/**
 * Out of service for good; its row stays, for the tenants that were deleted or archived there.
 * @throws Problem SERVER_UNSUITABLE while tenants live there, are on their way there, or when it is not there
 */
export async function removeServer (registry: RegistryDb, name: string): Promise<void> {
  await registry.transaction().execute(async (trx) => {
    // Whoever begins a tenant there waits for this, and then finds it closed.
    const server = await trx.selectFrom('database_servers').select(['id', 'state']).where('name', '=', name).where('state', '!=', 'removed').forUpdate().executeTakeFirst()
    if (server === undefined) throw problem('SERVER_UNSUITABLE', { detail: `There is no server ${name}, or it was removed before. See: koinonia servers list` })
    const inTheWay = await occupants(trx, server.id, name)
    if (inTheWay !== '') {
      throw problem('SERVER_UNSUITABLE', { detail: `${name} still has ${inTheWay}. Empty it first: koinonia servers drain ${name}, then koinonia servers rebalance` })
    }
    await trx.updateTable('database_servers').set({ state: 'removed', updated_at: sql<Date>`now()` }).where('id', '=', server.id).execute()
  })
}

/** Such as "2 active, 1 suspended, 1 on its way". */
async function occupants (trx: RegistryTrx, serverId: string, name: string): Promise<string> {
  const { rows } = await sql<{ what: string, count: number }>`
    SELECT status AS what, count(*)::integer AS count FROM tenants WHERE server_id = ${serverId} AND status NOT IN ('archived', 'deleted') GROUP BY 1
    UNION ALL
    SELECT 'on its way', count(*)::integer FROM tenant_operations
    WHERE status IN ('running', 'failed') AND (state ->> 'to' = ${name} OR state ->> 'server' = ${name}) HAVING count(*) > 0
    ORDER BY 2 DESC`.execute(trx)
  return rows.map(({ what, count }) => `${count} ${what}`).join(', ')
}

/** What a plan of moves needs to know. Tenants in an operation are not moved now. */
export async function occupancies (registry: RegistryDb, names: readonly string[]): Promise<Occupancy[]> {
  const { rows } = await sql<Occupancy>`
    SELECT s.name, s.state = 'open' AS open, s.max_tenants AS "maxTenants",
           count(t.id) FILTER (WHERE t.status NOT IN ('spare', 'archived', 'deleted'))::integer AS tenants,
           coalesce(array_agg(t.id ORDER BY t.status = 'active', t.created_at DESC) FILTER (
             WHERE t.status IN ('active', 'suspended')
               AND NOT EXISTS (SELECT FROM tenant_operations o WHERE o.tenant_id = t.id AND o.status IN ('running', 'failed'))), '{}') AS movable
    FROM database_servers s LEFT JOIN tenants t ON t.server_id = s.id
    WHERE s.name = ANY(${names}) AND s.state IN ('open', 'draining') GROUP BY s.id ORDER BY s.name`.execute(registry)
  return rows
}
