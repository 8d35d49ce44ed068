// The SQL that changes many conversations at once.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type BulkChange } from './schemas.js'

export interface BulkSelection extends Pick<BulkChange, 'set'> {
  ids: readonly string[] | undefined
  filter: BulkChange['filter'] | undefined
  adminId: string
  now: Date
  limit: number
}

/** Locked in the order of ids. Of a filter only those that `set` would change, so that calling again comes to an end. */
export async function selectForBulk (trx: TenantDb, { ids, filter = {}, set, adminId, now, limit }: BulkSelection): Promise<string[]> {
  const { status, unread, needsAttention, assignedTo, silentSince } = filter
  let query = trx.selectFrom('conversations as c').select('c.id')
  if (ids === undefined) {
    query = query.where(sql<boolean>`(${sql.join(differences(set), sql` OR `)})`)
    if (status !== undefined) query = query.where('c.status', '=', status)
    if (unread !== undefined) query = query.where('c.unread_count', unread ? '>' : '=', 0)
    if (needsAttention !== undefined) query = query.where('c.needs_attention', needsAttention ? 'is not' : 'is', null)
    if (assignedTo !== undefined) query = query.where(isAssignedTo(assignedTo, adminId))
    if (silentSince !== undefined) query = query.where('c.last_message_at', '<', new Date(silentSince))
    query = query.where(sql<boolean>`(c.snoozed_until IS NULL OR c.snoozed_until <= ${now})`).orderBy('c.last_message_at').limit(limit)
  } else query = query.where(sql<boolean>`c.id = ANY (${ids}::uuid[])`)
  const found = await query.execute()
  const locked = await trx.selectFrom('conversations').select('id').where(sql<boolean>`id = ANY (${found.map(({ id }) => id)}::uuid[])`).orderBy('id').forUpdate().execute()
  return locked.map(({ id }) => id)
}

/** Those that were different before. */
export async function changeMany (trx: TenantDb, ids: readonly string[], set: BulkChange['set']): Promise<string[]> {
  const { status, unread, assignedTo } = set
  const assignments = [
    ...(status === undefined ? [] : [sql`status = ${status}, snoozed_until = NULL`]),
    ...(unread === undefined ? [] : [unread ? sql`unread_count = greatest(unread_count, 1)` : sql`unread_count = 0`]),
    ...(assignedTo === undefined ? [] : [sql`assigned_admin_id = ${assignedTo}::uuid`]),
    sql`updated_at = now()`
  ]
  const { rows } = await sql<{ id: string }>`
    UPDATE conversations c SET ${sql.join(assignments)} WHERE c.id = ANY (${ids}::uuid[]) AND (${sql.join(differences(set), sql` OR `)}) RETURNING c.id`.execute(trx)
  return rows.map(({ id }) => id)
}

/** `me`, `nobody`, or an admin's id. */
export function isAssignedTo (whom: string, adminId: string): RawBuilder<boolean> {
  return whom === 'nobody' ? sql<boolean>`c.assigned_admin_id IS NULL` : sql<boolean>`c.assigned_admin_id = ${whom === 'me' ? adminId : whom}::uuid`
}

function differences ({ status, unread, assignedTo }: BulkChange['set']): Array<RawBuilder<boolean>> {
  return [
    ...(status === undefined ? [] : [sql<boolean>`c.status <> ${status}`]),
    ...(unread === undefined ? [] : [unread ? sql<boolean>`c.unread_count = 0` : sql<boolean>`c.unread_count > 0`]),
    ...(assignedTo === undefined ? [] : [sql<boolean>`c.assigned_admin_id IS DISTINCT FROM ${assignedTo}::uuid`])
  ]
}
