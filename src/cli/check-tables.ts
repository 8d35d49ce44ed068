// The doctor's look at tables that autovacuum does not keep up with: in the registry, and when asked in every tenant's database.
import { sql } from 'kysely'
import { type ClientBase, escapeIdentifier } from 'pg'
import { mapBounded } from '../tenancy/map-bounded.js'
import { allowActingAs } from '../tenancy/roles.js'
import { selectTenants, toTenant } from '../tenancy/tenant-rows.js'
import { type Tenant } from '../tenancy/tenant.js'
import { attempt, type Check, mendable, ok } from './check.js'
import { type Operator } from './operator.js'

export interface TableLimits {
  /** Dead rows that are worth a word, and their share of all. */
  deadRows: number
  deadShare: number
  /** Rows written to a table that has never been vacuumed. */
  writes: number
}

export interface TableFacts { table: string, schema: string, live: number, dead: number, writes: number, vacuumed: boolean }

export const usualLimits: TableLimits = { deadRows: 10_000, deadShare: 0.3, writes: 200_000 }

/** Databases looked into at a time, all servers together. */
const AT_ONCE = 8

const factsOfTables = `
  SELECT schemaname AS schema, relname AS table, n_live_tup::float8 AS live, n_dead_tup::float8 AS dead,
         (n_tup_ins + n_tup_upd + n_tup_del)::float8 AS writes, coalesce(last_vacuum, last_autovacuum) IS NOT NULL AS vacuumed
  FROM pg_stat_user_tables ORDER BY 1, 2`
/** Lets reads and writes go on, and does not wait for a lock. */
const vacuum = ({ schema, table }: TableFacts): string => `VACUUM (ANALYZE, TRUNCATE false, SKIP_LOCKED) ${escapeIdentifier(schema)}.${escapeIdentifier(table)}`
const VACUUM_LIMIT = 'SET statement_timeout = \'30min\''

export async function checkRegistryTables ({ registry }: Operator, limits = usualLimits): Promise<Check[]> {
  return await attempt('registry tables', 'See the other findings.', async () => {
    const { rows } = await sql.raw<TableFacts>(factsOfTables).execute(registry)
    const found = neglected('registry', rows, limits, async (facts) => {
      await registry.connection().execute(async (connection) => {
        await sql.raw(VACUUM_LIMIT).execute(connection)
        await sql.raw(vacuum(facts)).execute(connection)
        await sql`RESET statement_timeout`.execute(connection)
      })
    })
    return found.length === 0 ? [ok('registry tables', `${rows.length} kept in order`)] : found
  })
}

/** One connection at a time for each database, as the server's administrator. */
export async function checkTenantTables (operator: Operator, limits = usualLimits): Promise<Check[]> {
  const { registry, provisioner } = operator
  return await attempt('tenants\' tables', 'See the other findings.', async () => {
    const rows = await selectTenants(registry).where('tenants.status', 'in', ['active', 'suspended', 'moving'])
      .where('database_servers.name', '=', sql<string>`ANY(${provisioner.work.servers.names})`).orderBy('tenants.id').execute()
    const found = await mapBounded(rows.map(toTenant), AT_ONCE, (tenant) => checkTenant(operator, tenant, limits))
    return [ok('tenants\' tables', `${rows.length} databases looked into`), ...found.flat()]
  })
}

async function checkTenant ({ provisioner: { work } }: Operator, tenant: Tenant, limits: TableLimits): Promise<Check[]> {
  const inside = async <T>(use: (client: ClientBase) => Promise<T>): Promise<T> => await work.servers.connect(tenant.server.name, use, tenant.databaseName)
  return await attempt(`tables of ${tenant.id}`, 'See the server\'s own check.', async () => {
    const { rows } = await inside((client) => client.query<TableFacts>(factsOfTables))
    return neglected(tenant.id, rows, limits, (facts) => inside(async (client) => {
      await allowActingAs(client, tenant.roleName)
      await client.query(`SET ROLE ${escapeIdentifier(tenant.roleName)}`)
      await client.query(VACUUM_LIMIT)
      await client.query(vacuum(facts))
    }))
  })
}

/** Those worth a word, each with a vacuum that mends it. */
export function neglected (whose: string, tables: readonly TableFacts[], { deadRows, deadShare, writes }: TableLimits, clean: (facts: TableFacts) => Promise<void>): Check[] {
  return tables.flatMap((facts) => {
    const fix = { what: `vacuum ${facts.schema}.${facts.table} of ${whose}`, run: () => clean(facts) }
    const name = `${facts.schema}.${facts.table} of ${whose}`
    if (facts.dead > deadRows && facts.dead > deadShare * (facts.dead + facts.live)) return mendable('bloat', `${name} has ${facts.dead} dead rows beside ${facts.live}`, fix, 'warning')
    if (!facts.vacuumed && facts.writes > writes) return mendable('unvacuumed', `${name} has never been vacuumed after ${facts.writes} writes`, fix, 'warning')
    return []
  })
}
