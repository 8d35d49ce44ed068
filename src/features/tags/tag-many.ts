// Tags many members at once, as an import does.
import { type TenantDb } from '../../tenancy/tenant.js'
import { findTagIds, insertMemberTags } from './many-queries.js'
import { insertMissingTags } from './queries.js'

/** Name → id, whatever the case. With `make` those that do not exist are made; else they are missing from the answer. */
export async function tagsByName (trx: TenantDb, names: readonly string[], make: boolean): Promise<Map<string, string>> {
  if (names.length === 0) return new Map()
  if (make) await insertMissingTags(trx, names)
  return await findTagIds(trx, names)
}

/** Adds; takes none away. */
export async function tagMembers (trx: TenantDb, pairs: ReadonlyArray<{ memberId: string, tagId: string }>): Promise<void> {
  if (pairs.length > 0) await insertMemberTags(trx, pairs)
}
