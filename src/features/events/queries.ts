// The SQL of events. Their ids are given at the commit (migration 0016), so reading on from an id skips nothing.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type NewEvent } from './schemas.js'

export interface EventRow {
  id: number
  type: string
  data: unknown
}

export async function insertEvents (trx: TenantDb, events: readonly NewEvent[]): Promise<void> {
  await trx.insertInto('events').values(events.map(({ type, data }) => ({ type, data: JSON.stringify(data) }))).execute()
}

/** 0 when there is none yet. */
export async function newestEventId (db: TenantDb): Promise<number> {
  const { rows: [row] } = await sql<{ id: number }>`SELECT coalesce(max(id), 0)::float8 AS id FROM events WHERE id > 0`.execute(db)
  return row?.id ?? 0
}

/** Whether this one is still there; then so is everything after it. */
export async function hasEvent (db: TenantDb, id: number): Promise<boolean> {
  const { rows } = await sql`SELECT FROM events WHERE id = ${id}::bigint AND id > 0`.execute(db)
  return rows.length > 0
}

export async function eventsAfter (db: TenantDb, after: number, limit: number): Promise<EventRow[]> {
  const { rows } = await sql<EventRow>`SELECT id::float8 AS id, type, data FROM events WHERE id > ${after}::bigint AND id > 0 ORDER BY id LIMIT ${limit}`.execute(db)
  return rows
}
