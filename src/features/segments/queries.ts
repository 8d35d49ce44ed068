// All SQL of segments but that of their filters, which is compiled in compile-filter.ts.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type SegmentFilter } from './filter-schema.js'

const columns = ['id', 'name', 'filter', 'created_at', 'updated_at'] as const

export type SegmentRow = Awaited<ReturnType<typeof segmentsAfter>>[number]

export async function insertSegment (trx: TenantDb, { name, filter }: { name: string, filter: SegmentFilter }): Promise<string> {
  const { id } = await trx.insertInto('segments').values({ name, filter: JSON.stringify(filter) }).returning('id').executeTakeFirstOrThrow()
  return id
}

/** What is undefined stays. False when there is no such segment. */
export async function updateSegment (trx: TenantDb, id: string, { name, filter }: { name?: string, filter?: SegmentFilter | undefined }): Promise<boolean> {
  const { numUpdatedRows } = await trx.updateTable('segments')
    .set({ ...(name === undefined ? {} : { name }), ...(filter === undefined ? {} : { filter: JSON.stringify(filter) }), updated_at: sql`now()` })
    .where('id', '=', id).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Waits for whoever is about to use it, and keeps others from it until the transaction ends. */
export async function lockForDeletion (trx: TenantDb, id: string): Promise<{ name: string } | undefined> {
  return trx.selectFrom('segments').select('name').where('id', '=', id).forUpdate().executeTakeFirst()
}

export async function removeSegment (trx: TenantDb, id: string): Promise<void> {
  await trx.deleteFrom('segments').where('id', '=', id).execute()
}

/** Those of these ids that exist; they can't be deleted before the transaction ends. */
export async function lockForUse (trx: TenantDb, ids: readonly string[]): Promise<string[]> {
  const rows = await trx.selectFrom('segments').select('id').where('id', '=', sql<string>`ANY (${ids}::uuid[])`).orderBy('id').forKeyShare().execute()
  return rows.map(({ id }) => id)
}

export async function findSegment (db: TenantDb, id: string) {
  return (await selectSegments(db).where('id', '=', id).execute()).map(withFilter)[0]
}

export async function findFilters (db: TenantDb, ids: readonly string[]): Promise<SegmentFilter[]> {
  const rows = await db.selectFrom('segments').select('filter').where('id', '=', sql<string>`ANY (${ids}::uuid[])`).execute()
  return rows.map((row) => withFilter(row).filter)
}

/** In the order of names, after `after` (a `sort_name`). */
export async function segmentsAfter (db: TenantDb, after: string | undefined, limit: number) {
  const rows = await selectSegments(db)
    .$if(after !== undefined, (query) => query.where(sql<boolean>`lower(name) > ${after}`))
    .orderBy(sql`lower(name)`).limit(limit).execute()
  return rows.map(withFilter)
}

/** `condition`: on a member's row `m`. */
export async function countMembers (db: TenantDb, condition: RawBuilder<boolean>): Promise<{ memberCount: number, optedInCount: number }> {
  const { rows: [row] } = await sql<{ memberCount: number, optedInCount: number }>`
    SELECT count(*)::int AS "memberCount", (count(*) FILTER (WHERE m.opt_in_state = 'opted_in'))::int AS "optedInCount"
    FROM members m WHERE m.deleted_at IS NULL AND ${condition}`.execute(db)
  return row ?? { memberCount: 0, optedInCount: 0 }
}

function selectSegments (db: TenantDb) {
  return db.selectFrom('segments').select([...columns, sql<string>`lower(name)`.as('sort_name')])
}

/** Written by this service from a checked request. */
function withFilter<Row extends { filter: unknown }> (row: Row): Row & { filter: SegmentFilter } {
  return { ...row, filter: row.filter as SegmentFilter }
}
