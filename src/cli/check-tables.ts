// The doctor's look at tables that autovacuum does not keep up with, or that have grown far beyond their rows: in the registry, and in a tenant's database.
import { sql } from 'kysely'
import pg, { type ClientBase, escapeIdentifier } from 'pg'
import { type Provisioning } from '../tenancy/provisioning.js'
import { allowActingAs } from '../tenancy/roles.js'
import { type Tenant } from '../tenancy/tenant.js'
import { attempt, type Check, mendable, ok, warning } from './check.js'
import { type Operator } from './operator.js'

export interface TableLimits {
  /** Dead rows that are worth a word, and their share of all. */
  deadRows: number
  deadShare: number
  /** Rows written to a table that has never been vacuumed. */
  writes: number
  /** Bytes in a table's file that no row needs, dead or alive, and their share of the file. */
  emptyBytes: number
  emptyShare: number
}

export interface TableFacts {
  table: string
  schema: string
  live: number
  dead: number
  writes: number
  vacuumed: boolean
  /** Of its file, as of the last vacuum or analyze; null for one that is small or was never analyzed. */
  bytes: number | null
  emptyBytes: number | null
}

export const usualLimits: TableLimits = { deadRows: 10_000, deadShare: 0.3, writes: 200_000, emptyBytes: 64 * 1024 * 1024, emptyShare: 0.5 }

/** A row's header, its pointer, and what aligning its columns costs on average. */
const ROW_BYTES = 36

/** What the rows need is told by PostgreSQL's own statistics; widths are those of its samples. */
const factsOfTables = ({ emptyBytes }: TableLimits): string => `
  SELECT s.schemaname AS schema, s.relname AS table, s.n_live_tup::float8 AS live, s.n_dead_tup::float8 AS dead,
         (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::float8 AS writes, coalesce(s.last_vacuum, s.last_autovacuum) IS NOT NULL AS vacuumed,
         wide.bytes, greatest(0, wide.bytes - (greatest(c.reltuples, s.n_live_tup) + s.n_dead_tup) * (wide.width + ${ROW_BYTES})) AS "emptyBytes"
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  LEFT JOIN LATERAL (
    SELECT c.relpages::float8 * current_setting('block_size')::float8 AS bytes, sum((1 - p.null_frac) * p.avg_width)::float8 AS width
    FROM pg_stats p WHERE p.schemaname = s.schemaname AND p.tablename = s.relname AND c.relpages * current_setting('block_size')::float8 > ${emptyBytes}
    HAVING count(*) > 0
  ) wide ON true
  ORDER BY 1, 2`
/** Lets reads and writes go on, and does not wait for a lock. */
const vacuum = ({ schema, table }: TableFacts): string => `VACUUM (ANALYZE, TRUNCATE false, SKIP_LOCKED) ${escapeIdentifier(schema)}.${escapeIdentifier(table)}`
const VACUUM_LIMIT = 'SET statement_timeout = \'30min\''

export async function checkRegistryTables ({ registry, registryUrl, config }: Operator, limits = usualLimits): Promise<Check[]> {
  return await attempt('registry tables', 'See the other findings.', async () => {
    const { rows } = await sql.raw<TableFacts>(factsOfTables(limits)).execute(registry)
    const found = neglected('registry', rows, limits, (facts) => vacuumAlone(registryUrl, config, facts))
    return found.length === 0 ? [ok('registry tables', `${rows.length} kept in order`)] : found
  })
}

/** Over a connection of its own: those of the registry's pool are given up when nothing is heard on them for long. */
async function vacuumAlone (registryUrl: string, config: Pick<Operator['config'], 'DATABASE_CONNECT_TIMEOUT_MS'>, facts: TableFacts): Promise<void> {
  const client = new pg.Client({ connectionString: registryUrl, application_name: 'koinonia:doctor', connectionTimeoutMillis: config.DATABASE_CONNECT_TIMEOUT_MS, keepAlive: true })
  // A loss fails what is running, and that tells.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(VACUUM_LIMIT)
    await client.query(vacuum(facts))
  } finally {
    await client.end()
  }
}

/** Over a connection into the tenant's database; the repairs open their own, one each. */
export async function checkTables ({ servers }: Pick<Provisioning, 'servers'>, client: ClientBase, tenant: Tenant, limits: TableLimits): Promise<Check[]> {
  const { rows } = await client.query<TableFacts>(factsOfTables(limits))
  return neglected(tenant.id, rows, limits, (facts) => servers.connect(tenant.server.name, async (inside) => {
    await allowActingAs(inside, tenant.roleName)
    await inside.query(`SET ROLE ${escapeIdentifier(tenant.roleName)}`)
    await inside.query(VACUUM_LIMIT)
    await inside.query(vacuum(facts))
  }, tenant.databaseName))
}

/** Those worth a word, each with a vacuum that mends it, but for the space that only a lock on the table gives back. */
function neglected (whose: string, tables: readonly TableFacts[], limits: TableLimits, clean: (facts: TableFacts) => Promise<void>): Check[] {
  return tables.flatMap((facts) => {
    const { dead, live, writes, vacuumed, bytes, emptyBytes } = facts
    const fix = { what: `vacuum ${facts.schema}.${facts.table} of ${whose}`, run: () => clean(facts) }
    const name = `${facts.schema}.${facts.table} of ${whose}`
    if (dead > limits.deadRows && dead > limits.deadShare * (dead + live)) return mendable('bloat', `${name} has ${dead} dead rows beside ${live}`, fix, 'warning')
    if (!vacuumed && writes > limits.writes) return mendable('unvacuumed', `${name} has never been vacuumed after ${writes} writes`, fix, 'warning')
    if (bytes === null || emptyBytes === null || emptyBytes < limits.emptyBytes || emptyBytes < limits.emptyShare * bytes) return []
    return warning('bloat', `${name} takes ${megabytes(bytes)} MB, of which its rows need about ${megabytes(bytes - emptyBytes)} MB`,
      `Nothing is lost by leaving it: new rows fill it. To give it back, in that database, when nobody writes: VACUUM (FULL, ANALYZE) ${facts.schema}.${facts.table}. It locks the table until it is done.`)
  })
}

function megabytes (bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)
}
