// Segments as audiences use them.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type AskedAt, compileFilter } from './compile-filter.js'
import { findFilters, lockForUse } from './queries.js'

export type { AskedAt }

/** The ids among these of which there is no segment; the others can't be deleted before the transaction ends. */
export async function unknownSegments (trx: TenantDb, ids: readonly string[]): Promise<string[]> {
  const found = new Set(await lockForUse(trx, ids))
  return ids.filter((id) => !found.has(id.toLowerCase()))
}

/** Whether a member's row `m` fits any of these segments. With one of them gone it is `whenGone`. */
export async function fitsAnySegment (db: TenantDb, ids: readonly string[], at: AskedAt, whenGone: boolean): Promise<RawBuilder<boolean>> {
  const filters = await findFilters(db, ids)
  if (filters.length < new Set(ids.map((id) => id.toLowerCase())).size) return whenGone ? sql`true` : sql`false`
  return sql`(${sql.join(filters.map((filter) => compileFilter(filter, at)), sql` OR `)})`
}
