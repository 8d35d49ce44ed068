// Backups that come round by themselves: a few organizations at a time, the one whose latest is oldest first.
import { sql } from 'kysely'
import { Problem } from '../../errors.js'
import { type RegistryDb } from '../../registry/db.js'
import { type TenantId } from '../tenant.js'
import { backupSaga } from './backup-tenant.js'
import { type Operations } from './operations.js'

export interface BackupTerms {
  everyHours: number
  /** Of each organization. */
  keep: number
  now: Date
}

/** Who asked for them, as the rows say. */
export const schedule = 'BACKUP_EVERY_HOURS'

/** Waiting or under way at a time, over all processes: no other operation of an organization stands behind its backup for long. */
export const mostBegun = 20

/** Begins those that are due, for workers to run. One that failed is left alone for an hour. Returns how many were begun. */
export async function beginDueBackups ({ registry, operations }: { registry: RegistryDb, operations: Operations }, terms: BackupTerms): Promise<number> {
  let begun = 0
  for (const id of await dueTenants(registry, terms)) {
    try {
      await operations.begin(backupSaga, id, { keep: terms.keep }, { requestedBy: schedule, runAfter: terms.now })
      begun++
    } catch (error) {
      // Something else has been begun with it since, or it is being migrated; it stays due.
      if (!(error instanceof Problem) || (error.code !== 'TENANT_OPERATION_UNFINISHED' && error.code !== 'TENANT_STATUS_CONFLICT')) throw error
    }
  }
  return begun
}

async function dueTenants (registry: RegistryDb, { everyHours, now }: BackupTerms): Promise<TenantId[]> {
  const { rows } = await sql<{ id: TenantId }>`
    SELECT t.id FROM tenants t
    LEFT JOIN LATERAL (SELECT max(b.created_at) AS at FROM tenant_backups b WHERE b.tenant_id = t.id AND b.kind = 'backup') latest ON true
    WHERE t.status IN ('active', 'suspended') AND coalesce(latest.at <= ${now}::timestamptz - make_interval(hours => ${everyHours}), true)
      AND NOT EXISTS (
        SELECT FROM tenant_operations o WHERE o.tenant_id = t.id
          AND (o.status IN ('running', 'failed') OR o.kind = ${backupSaga.kind} AND o.status = 'undone' AND o.finished_at > ${now}::timestamptz - interval '1 hour'))
    ORDER BY latest.at NULLS FIRST, t.id
    LIMIT greatest(0, ${mostBegun} - (SELECT count(*) FROM tenant_operations WHERE kind = ${backupSaga.kind} AND status = 'running'))`.execute(registry)
  return rows.map(({ id }) => id)
}
