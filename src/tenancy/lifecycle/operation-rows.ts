// All SQL of tenant_operations. A row is changed only by the process whose lease on it has not been taken over.
import { type Selectable, sql } from 'kysely'
import { type RegistryDatabase, type RegistryDb, type RegistryTrx } from '../../registry/db.js'
import { type TenantId } from '../tenant.js'

/** How long nobody else takes up an operation whose process has gone silent, in seconds. */
export const LEASE_SECONDS = 30

export type OperationRow = Selectable<RegistryDatabase['tenant_operations']>

/** Somebody else has taken the operation up: its lease had run out. */
export class OperationLost extends Error {
  override readonly name = 'OperationLost'
}

const leaseEnd = (seconds = LEASE_SECONDS) => sql<Date>`now() + make_interval(secs => ${seconds})`
const now = sql<Date>`now()`

export interface NewOperation { tenantId: TenantId, kind: string, state: object, requestedBy: string, runAfter: Date | undefined }

/** Undefined when the tenant has an operation that has not ended. */
export async function insertOperation (trx: RegistryTrx, { tenantId, kind, state, requestedBy, runAfter }: NewOperation): Promise<string | undefined> {
  const inserted = await trx.insertInto('tenant_operations')
    .values({ tenant_id: tenantId, kind, state: JSON.stringify(state), requested_by: requestedBy, ...(runAfter === undefined ? {} : { run_after: runAfter }) })
    .onConflict((conflict) => conflict.column('tenant_id').where('status', 'in', ['running', 'failed']).doNothing())
    .returning('id').executeTakeFirst()
  return inserted?.id
}

export async function findUnfinished (registry: RegistryDb, tenantId: TenantId): Promise<OperationRow | undefined> {
  return await registry.selectFrom('tenant_operations').selectAll().where('tenant_id', '=', tenantId).where('status', 'in', ['running', 'failed']).executeTakeFirst()
}

/** Newest first. */
export async function listOperations (registry: RegistryDb, { tenantId, unfinishedOnly, limit }: { tenantId?: string, unfinishedOnly: boolean, limit: number }): Promise<OperationRow[]> {
  return await registry.selectFrom('tenant_operations').selectAll()
    .$if(tenantId !== undefined, (query) => query.where('tenant_id', '=', tenantId ?? ''))
    .$if(unfinishedOnly, (query) => query.where('status', 'in', ['running', 'failed']))
    .orderBy('id', 'desc').limit(limit).execute()
}

/** Who asked for an operation, or did not. */
export interface Asked { only?: string, except?: string }

/** The next that is due and in nobody's hands, now in the owner's. */
export async function claimDue (registry: RegistryDb, owner: string, { only, except }: Asked): Promise<OperationRow | undefined> {
  const { rows } = await sql<OperationRow>`
    UPDATE tenant_operations SET owner = ${owner}, lease_expires_at = ${leaseEnd()}, updated_at = now()
    WHERE id = (
      SELECT id FROM tenant_operations
      WHERE status = 'running' AND run_after <= now() AND coalesce(lease_expires_at < now(), true)
        AND coalesce(requested_by = ${only ?? null}::text, true) AND coalesce(requested_by <> ${except ?? null}::text, true)
      ORDER BY run_after LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING *`.execute(registry)
  return rows[0]
}

/** At a person's word: also one that has failed, or that waits for its time. Undefined while another process is at work on it. */
export async function claimNow (registry: RegistryDb, id: string, owner: string): Promise<OperationRow | undefined> {
  return await registry.updateTable('tenant_operations')
    .set({ owner, lease_expires_at: leaseEnd(), status: 'running', attempts: 0, run_after: now, updated_at: now })
    .where('id', '=', id).where('status', 'in', ['running', 'failed'])
    .where((row) => row.or([row('lease_expires_at', 'is', null), row('lease_expires_at', '<', now)]))
    .returningAll().executeTakeFirst()
}

export async function makeDue (registry: RegistryDb, id: string): Promise<void> {
  await registry.updateTable('tenant_operations').set({ run_after: now, updated_at: now })
    .where('id', '=', id).where('status', '=', 'running').where('run_after', '>', now).execute()
}

/** @throws OperationLost */
export async function updateOwned (registry: RegistryDb | RegistryTrx, { id, owner }: { id: string, owner: string }, change: {
  step?: string | null, undoing?: boolean, state?: object, progress?: { done: number, total: number }, error?: string, attempts?: number
}): Promise<void> {
  const { state, progress, ...columns } = change
  const { numUpdatedRows } = await registry.updateTable('tenant_operations')
    .set({
      ...columns,
      ...(state === undefined ? {} : { state: JSON.stringify(state) }),
      ...(progress === undefined ? {} : { progress_done: Math.round(progress.done), progress_total: Math.round(progress.total) }),
      lease_expires_at: leaseEnd(),
      updated_at: now
    })
    .where('id', '=', id).where('owner', '=', owner).where('status', '=', 'running').executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new OperationLost(`Operation ${id} has been taken up by another process`)
}

/** @throws OperationLost */
export async function finishOwned (trx: RegistryTrx, { id, owner }: { id: string, owner: string }, status: 'done' | 'undone'): Promise<void> {
  const { numUpdatedRows } = await trx.updateTable('tenant_operations')
    .set({ status, owner: null, lease_expires_at: null, finished_at: now, updated_at: now })
    .where('id', '=', id).where('owner', '=', owner).where('status', '=', 'running').executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new OperationLost(`Operation ${id} has been taken up by another process`)
}

/** Out of this process's hands: to be tried again after the pause, or, without one, when somebody has looked. */
export async function putDown (registry: RegistryDb, { id, owner }: { id: string, owner: string }, failure?: { error: string, attempts: number, pauseSeconds: number | undefined }): Promise<void> {
  await registry.updateTable('tenant_operations')
    .set({
      owner: null,
      lease_expires_at: null,
      updated_at: now,
      ...(failure === undefined
        ? {}
        : { error: failure.error, attempts: failure.attempts, status: failure.pauseSeconds === undefined ? 'failed' as const : 'running' as const, run_after: leaseEnd(failure.pauseSeconds ?? 0) })
    })
    .where('id', '=', id).where('owner', '=', owner).where('status', '=', 'running').execute()
}

export async function deleteEnded (registry: RegistryDb, before: Date): Promise<void> {
  await registry.deleteFrom('tenant_operations').where('status', 'in', ['done', 'undone']).where('finished_at', '<', before).execute()
}
