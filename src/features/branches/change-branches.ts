// Adds, changes and removes branches. Names are unique whatever their case.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { type BranchRow, findBranch, insertBranch, removeBranch, updateBranch } from './queries.js'
import { type BranchChanges, type NewBranch } from './schemas.js'

/** @throws problem('BRANCH_NAME_TAKEN') */
export async function createBranch (db: TenantDb, input: NewBranch, by: RequestedBy): Promise<BranchRow> {
  return refusingTakenNames(db.transaction().execute(async (trx) => {
    const { name, address, timeZone } = input
    const id = await insertBranch(trx, { name: name.trim(), address, time_zone: timeZone })
    await recordAudit(trx, by, { action: 'branch.created', subjectKind: 'branch', subjectId: id, after: input })
    return getBranch(trx, id)
  }))
}

/** @throws problem('BRANCH_NOT_FOUND') @throws problem('BRANCH_NAME_TAKEN') */
export async function changeBranch (db: TenantDb, id: string, changes: BranchChanges, by: RequestedBy): Promise<BranchRow> {
  return refusingTakenNames(db.transaction().execute(async (trx) => {
    const { name, address, timeZone, isActive } = changes
    if (!await updateBranch(trx, id, { name: name?.trim(), address, time_zone: timeZone, is_active: isActive })) throw problem('BRANCH_NOT_FOUND')
    await recordAudit(trx, by, { action: 'branch.changed', subjectKind: 'branch', subjectId: id, after: changes })
    return getBranch(trx, id)
  }))
}

/** The members stay: only their belonging to it goes. @throws problem('BRANCH_NOT_FOUND') */
export async function deleteBranch (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const removed = await removeBranch(trx, id)
    if (removed === undefined) throw problem('BRANCH_NOT_FOUND')
    await recordAudit(trx, by, { action: 'branch.deleted', subjectKind: 'branch', subjectId: id, before: removed })
  })
}

/** @throws problem('BRANCH_NOT_FOUND') */
export async function getBranch (db: TenantDb, id: string): Promise<BranchRow> {
  const row = await findBranch(db, id)
  if (row === undefined) throw problem('BRANCH_NOT_FOUND')
  return row
}

async function refusingTakenNames<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'branches_name') throw problem('BRANCH_NAME_TAKEN', { cause: error })
    throw error
  }
}
