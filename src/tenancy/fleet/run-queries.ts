// Runs over the fleet in the registry: who is behind, which run is open, how one begins and ends.
import { sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { type Terms, toMigrate } from './fleet-terms.js'

export interface ServerBehind { server: string, tenants: number, lowest: number, highest: number }

export interface OpenRun extends Terms {
  id: string
  canary: number
  canaries: string[]
  concurrency: number | null
  onError: 'stop' | 'continue'
  /** A runner has spoken for it lately. */
  alive: boolean
}

export interface FleetState {
  behind: ServerBehind[]
  /** Spares behind; those of a server that the settings do not name are left alone. */
  spares: number
  /** Tenants beyond the target. */
  beyond: number
  open: OpenRun | null
}

export interface Settings extends Terms { canary: number, concurrency: number | null, onError: 'stop' | 'continue' }

/** A run nobody has spoken for in so many seconds was cut off. */
const SILENT_SECONDS = 20

const runColumns = sql`id, direction, target_version AS target, only_tenants AS only, canary, canaries, concurrency, on_error AS "onError",
  heard_at > now() - make_interval(secs => ${sql.lit(SILENT_SECONDS)}) AS alive`

/** One query, which is all that a run with nothing to do costs. */
export async function readState (registry: RegistryDb, terms: Terms, serverNames: string[], sparesTo: number | undefined): Promise<FleetState> {
  const { rows: [state] } = await sql<FleetState>`
    SELECT (SELECT coalesce(json_agg(b), '[]') FROM (
              SELECT s.name AS server, count(*) AS tenants, min(t.schema_version) AS lowest, max(t.schema_version) AS highest
              FROM tenants t JOIN database_servers s ON s.id = t.server_id WHERE ${toMigrate(terms)} GROUP BY s.name ORDER BY s.name) b) AS behind,
           (SELECT count(*)::integer FROM tenants t JOIN database_servers s ON s.id = t.server_id
            WHERE t.status = 'spare' AND t.schema_version < ${sparesTo ?? 0} AND s.name = ANY(${serverNames})) AS spares,
           (SELECT count(*)::integer FROM tenants t WHERE t.status IN ('active', 'suspended') AND t.schema_version > ${terms.target}) AS beyond,
           (SELECT row_to_json(r) FROM (SELECT ${runColumns} FROM fleet_migrations WHERE finished_at IS NULL) r) AS open`.execute(registry)
  if (state === undefined) throw new Error('The registry answered nothing')
  return state
}

/** Ids among these that are no active or suspended tenant's. */
export async function findStrangers (registry: RegistryDb, ids: string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM unnest(${ids}::text[]) AS id WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = id.id AND t.status IN ('active', 'suspended'))`.execute(registry)
  return rows.map(({ id }) => id)
}

/** The last run that ended otherwise than well, to be begun again. */
export async function lastUnhappyRun (registry: RegistryDb): Promise<OpenRun | undefined> {
  const { rows: [run] } = await sql<OpenRun>`
    SELECT ${runColumns} FROM fleet_migrations WHERE outcome IN ('failed', 'stopped')
      AND NOT EXISTS (SELECT FROM fleet_migrations later WHERE later.outcome = 'done' AND later.id > fleet_migrations.id)
    ORDER BY id DESC LIMIT 1`.execute(registry)
  return run
}

/** Undefined when another was begun meanwhile. Canaries are the youngest tenants, taken by turns from each server. */
export async function insertRun (registry: RegistryDb, settings: Settings): Promise<OpenRun | undefined> {
  const { rows: [run] } = await sql<OpenRun>`
    INSERT INTO fleet_migrations (direction, target_version, only_tenants, canary, concurrency, on_error, canaries)
    SELECT ${settings.direction}, ${settings.target}, ${settings.only}::text[], ${settings.canary}, ${settings.concurrency}::integer, ${settings.onError}, coalesce(array_agg(c.id ORDER BY c.id), '{}')
    FROM (
      SELECT t.id FROM tenants t WHERE ${toMigrate(settings)} AND t.status <> 'spare'
      ORDER BY row_number() OVER (PARTITION BY t.server_id ORDER BY t.created_at DESC, t.id), t.server_id LIMIT ${settings.canary}
    ) c
    ON CONFLICT DO NOTHING
    RETURNING ${runColumns}`.execute(registry)
  return run
}

/** A run that was cut off goes on: those that failed in it get another chance. */
export async function takeUpRun (registry: RegistryDb, id: string): Promise<void> {
  await sql`
    WITH heard AS (UPDATE fleet_migrations SET heard_at = now() WHERE id = ${id})
    UPDATE tenants SET migration_run = NULL WHERE migration_run = ${id} AND migration_status = 'failed'`.execute(registry)
}

/** With counts of what its tenants tell. */
export async function finishRun (registry: RegistryDb, id: string, outcome: 'done' | 'failed' | 'stopped' | 'superseded'): Promise<void> {
  await sql`
    UPDATE fleet_migrations SET finished_at = now(), heard_at = now(), outcome = ${outcome},
      migrated = (SELECT count(*) FROM tenants WHERE migration_run = ${id} AND migration_status = 'done'),
      failed = (SELECT count(*) FROM tenants WHERE migration_run = ${id} AND migration_status = 'failed')
    WHERE id = ${id} AND finished_at IS NULL`.execute(registry)
}
