// The SQL behind the fleet's figures: one cheap query each, all of them by an index or over one row a tenant.
import { sql } from 'kysely'
import { type RegistryDb } from '../registry/db.js'
import { currentSchemaVersion } from '../tenancy/schema-version.js'

export type JobCounts = Record<'ready' | 'scheduled' | 'retrying' | 'running' | 'dead', number>

/** `retrying`: failed before, and put off until later. `scheduled`: put off by intent. */
export async function countJobs (registry: RegistryDb): Promise<JobCounts> {
  const { rows } = await sql<{ state: keyof JobCounts, count: number }>`
    SELECT CASE WHEN locked_at IS NOT NULL THEN 'running' WHEN attempts >= max_attempts THEN 'dead' WHEN run_at <= now() THEN 'ready'
      WHEN attempts > 0 THEN 'retrying' ELSE 'scheduled' END AS state, count(*)::int AS count
    FROM graphile_worker.jobs GROUP BY 1`.execute(registry)
  const none: JobCounts = { ready: 0, scheduled: 0, retrying: 0, running: 0, dead: 0 }
  return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) }
}

export interface WebhookCounts { waiting: number, failed: number, oldestSeconds: number }

export async function countWebhooks (registry: RegistryDb): Promise<WebhookCounts> {
  const { rows } = await sql<WebhookCounts>`
    SELECT count(*)::int AS waiting, (SELECT count(*)::int FROM webhook_events WHERE status = 'failed') AS failed,
      coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE not_before <= now())), 0)::float AS "oldestSeconds"
    FROM webhook_events WHERE status = 'received'`.execute(registry)
  return rows[0] ?? { waiting: 0, failed: 0, oldestSeconds: 0 }
}

export type OperationCounts = Record<'running' | 'waiting' | 'failed', number>

export async function countOperations (registry: RegistryDb): Promise<OperationCounts> {
  const { rows } = await sql<{ state: keyof OperationCounts, count: number }>`
    SELECT CASE WHEN status = 'failed' THEN 'failed' WHEN lease_expires_at > now() THEN 'running' ELSE 'waiting' END AS state, count(*)::int AS count
    FROM tenant_operations WHERE status IN ('running', 'failed') GROUP BY 1`.execute(registry)
  const none: OperationCounts = { running: 0, waiting: 0, failed: 0 }
  return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) }
}

/** How long ago the organization was backed up that has waited longest, in seconds; one without a backup counts from its sign-up. 0 where none are made. */
export async function oldestBackup (registry: RegistryDb): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    SELECT CASE WHEN EXISTS (SELECT FROM tenant_backups WHERE kind = 'backup') THEN coalesce(extract(epoch FROM now() - min(coalesce(latest.at, t.created_at))), 0) ELSE 0 END::float AS seconds
    FROM tenants t LEFT JOIN LATERAL (SELECT max(b.created_at) AS at FROM tenant_backups b WHERE b.tenant_id = t.id AND b.kind = 'backup') latest ON true
    WHERE t.status IN ('active', 'suspended', 'moving')`.execute(registry)
  return rows[0]?.seconds ?? 0
}

/** A row for each server and status there; for a server without tenants one whose status is null. */
export interface TenantCounts { server: string, status: string | null, count: number, behind: number, running: number, failed: number }

export async function countTenants (registry: RegistryDb): Promise<TenantCounts[]> {
  const { rows } = await sql<TenantCounts>`
    SELECT s.name AS server, t.status, count(t.id)::int AS count,
      count(*) FILTER (WHERE t.schema_version < ${currentSchemaVersion()} AND t.status IN ('spare', 'active', 'suspended'))::int AS behind,
      count(*) FILTER (WHERE t.migration_expires_at > now())::int AS running,
      count(*) FILTER (WHERE t.migration_status = 'failed')::int AS failed
    FROM database_servers s LEFT JOIN tenants t ON t.server_id = s.id AND t.status <> 'deleted'
    GROUP BY s.name, t.status`.execute(registry)
  return rows
}
