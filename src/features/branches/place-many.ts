// Puts many members into branches at once, as an import does.
import { type TenantDb } from '../../tenancy/tenant.js'
import { findBranchIds, insertMemberBranches, insertMissingBranches } from './many-queries.js'

/** Name → id, whatever the case. With `make` those that do not exist are made; else they are missing from the answer. */
export async function branchesByName (trx: TenantDb, names: readonly string[], make: boolean): Promise<Map<string, string>> {
  if (names.length === 0) return new Map()
  if (make) await insertMissingBranches(trx, names)
  return await findBranchIds(trx, names)
}

/** Adds; takes none out. */
export async function placeMembers (trx: TenantDb, pairs: ReadonlyArray<{ memberId: string, branchId: string }>): Promise<void> {
  if (pairs.length > 0) await insertMemberBranches(trx, pairs)
}
