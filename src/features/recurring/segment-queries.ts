// The SQL of what recurring messages have to do with segments.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** Names of those that have not come to their end and whose audience names this segment; `limit` at most. */
export async function recurringForSegment (db: TenantDb, segmentId: string, limit: number): Promise<string[]> {
  const id = segmentId.toLowerCase()
  const rows = await db.selectFrom('recurring_messages').select('name').where('next_occurrence_at', 'is not', null)
    .where(sql<boolean>`(lower(message -> 'to' ->> 'segmentId') = ${id} OR lower((message -> 'to' -> 'except' -> 'segmentIds')::text)::jsonb ? ${id})`)
    .orderBy('id').limit(limit).execute()
  return rows.map(({ name }) => name)
}
