// A run's tenants in the registry: whose turn it is, in whose hands they are, how it went.
import { sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { toMigrate } from './fleet-terms.js'
import { type OpenRun } from './run-queries.js'

export interface Claim { id: string, databaseName: string, roleName: string, schemaVersion: number }

export interface ClaimOf { run: OpenRun, owner: string, leaseSeconds: number }

/** Tenants of one server that are now this runner's: nobody else's, and not failed in this run. `canaries`: only these. */
export async function claimTenants (registry: RegistryDb, { run, owner, leaseSeconds }: ClaimOf, server: string, limit: number, canaries: boolean): Promise<Claim[]> {
  const { rows } = await sql<Claim>`
    WITH hurried AS MATERIALIZED (
      -- A claim lost with the server harms nobody, so it waits for no disk.
      SELECT set_config('synchronous_commit', 'off', true)
    ), next AS (
      SELECT t.id FROM hurried, tenants t JOIN database_servers s ON s.id = t.server_id
      WHERE ${toMigrate(run)} AND s.name = ${server} ${canaries ? sql`AND t.id = ANY(${run.canaries})` : sql``}
        AND (t.migration_owner IS NULL OR t.migration_expires_at < now())
        AND (t.migration_run IS DISTINCT FROM ${run.id} OR t.migration_status <> 'failed')
        ${run.onError === 'stop' ? sql`AND NOT EXISTS (SELECT FROM tenants f WHERE f.migration_run = ${run.id} AND f.migration_status = 'failed')` : sql``}
      ORDER BY t.created_at, t.id FOR UPDATE OF t SKIP LOCKED LIMIT ${limit}
    )
    UPDATE tenants t SET migration_status = 'running', migration_error = NULL, migration_run = ${run.id}, migration_owner = ${owner},
      migration_expires_at = now() + make_interval(secs => ${leaseSeconds}), migration_attempted_at = now(), updated_at = now()
    FROM next WHERE t.id = next.id
    RETURNING t.id, t.database_name AS "databaseName", t.role_name AS "roleName", t.schema_version AS "schemaVersion"`.execute(registry)
  return rows
}

export interface TenantOutcome { id: string, error: string | null, version: number | null, ms: number }

/** What became of tenants in this runner's hands, which they are no longer. */
export async function recordOutcomes (registry: RegistryDb, owner: string, outcomes: TenantOutcome[]): Promise<void> {
  await sql`
    UPDATE tenants t SET migration_status = CASE WHEN o.error IS NULL THEN 'done' ELSE 'failed' END, migration_error = o.error,
      schema_version = coalesce(o.version, t.schema_version), migration_ms = o.ms, migration_owner = NULL, migration_expires_at = NULL, updated_at = now()
    FROM unnest(${outcomes.map(({ id }) => id)}::text[], ${outcomes.map(({ error }) => error)}::text[],
                ${outcomes.map(({ version }) => version)}::integer[], ${outcomes.map(({ ms }) => ms)}::integer[]) o (id, error, version, ms)
    WHERE t.id = o.id AND t.migration_owner = ${owner}`.execute(registry)
}

/** Gives back what was claimed and not touched. */
export async function giveBack (registry: RegistryDb, owner: string, ids: string[]): Promise<void> {
  await sql`
    UPDATE tenants SET migration_status = 'pending', migration_owner = NULL, migration_expires_at = NULL, updated_at = now()
    WHERE id = ANY(${ids}) AND migration_owner = ${owner}`.execute(registry)
}

export interface Standing { server: string, left: number, failed: number }

/** How many of the run's are not done, by server: `left` counts the failed too. Only `canaries`, or all. */
export async function readStanding (registry: RegistryDb, run: OpenRun, canaries: boolean): Promise<Standing[]> {
  const { rows } = await sql<Standing>`
    SELECT s.name AS server, count(*)::integer AS left,
           count(*) FILTER (WHERE t.migration_run = ${run.id} AND t.migration_status = 'failed')::integer AS failed
    FROM tenants t JOIN database_servers s ON s.id = t.server_id
    WHERE ${toMigrate(run)} ${canaries ? sql`AND t.id = ANY(${run.canaries})` : sql``} GROUP BY s.name`.execute(registry)
  return rows
}

/** This runner lives, and what is in its hands stays there. */
export async function beat (registry: RegistryDb, { run, owner, leaseSeconds }: ClaimOf): Promise<void> {
  await sql`
    WITH heard AS (UPDATE fleet_migrations SET heard_at = now() WHERE id = ${run.id} AND finished_at IS NULL)
    UPDATE tenants SET migration_expires_at = now() + make_interval(secs => ${leaseSeconds}) WHERE migration_owner = ${owner}`.execute(registry)
}

export async function readFailures (registry: RegistryDb, run: string): Promise<Array<{ tenantId: string, error: string }>> {
  const { rows } = await sql<{ tenantId: string, error: string }>`
    SELECT id AS "tenantId", coalesce(migration_error, '') AS error FROM tenants
    WHERE migration_run = ${run} AND migration_status = 'failed' ORDER BY id`.execute(registry)
  return rows
}

export async function countMigrated (registry: RegistryDb, run: string): Promise<number> {
  const { rows: [count] } = await sql<{ migrated: number }>`
    SELECT count(*)::integer AS migrated FROM tenants WHERE migration_run = ${run} AND migration_status = 'done'`.execute(registry)
  return count?.migrated ?? 0
}

/** A tenant was migrated for a request of its own; whoever has it in hand finds it done. */
export async function recordCaughtUp (registry: RegistryDb, id: string, version: number, ms: number): Promise<void> {
  await sql`
    UPDATE tenants SET schema_version = ${version}, migration_status = 'done', migration_error = NULL, migration_ms = ${ms}, migration_attempted_at = now(), updated_at = now()
    WHERE id = ${id} AND schema_version < ${version}`.execute(registry)
}

/** The same that failed; a run that has it in hand tells for itself. */
export async function recordNotCaughtUp (registry: RegistryDb, id: string, error: string): Promise<void> {
  await sql`
    UPDATE tenants SET migration_status = 'failed', migration_error = ${error}, migration_attempted_at = now(), updated_at = now()
    WHERE id = ${id} AND migration_owner IS NULL`.execute(registry)
}
