// Saves, changes and removes segments.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { refuseUnknownNames } from '../messages/refuse-unknown.js'
import { scheduledUsing } from '../messages/scheduled-using.js'
import { recurringUsing } from '../recurring/recurring-using.js'
import { type SegmentFilter } from './filter-schema.js'
import { insertSegment, lockForDeletion, removeSegment, updateSegment } from './queries.js'
import { type NewSegment, type SegmentChanges } from './schemas.js'

/** @returns its id @throws problem('SEGMENT_NAME_TAKEN'), or 'BRANCH_NOT_FOUND', 'TAG_NOT_FOUND' naming those that do not exist */
export async function createSegment (db: TenantDb, { name, filter }: NewSegment, by: RequestedBy): Promise<string> {
  return await refusingTakenNames(db.transaction().execute(async (trx) => {
    await refuseUnknownInFilter(trx, filter)
    const id = await insertSegment(trx, { name: name.trim(), filter })
    await recordAudit(trx, by, { action: 'segment.created', subjectKind: 'segment', subjectId: id })
    return id
  }))
}

/** A message that has not started goes to whoever fits by then. @throws problem('SEGMENT_NOT_FOUND'), and as `createSegment` */
export async function changeSegment (db: TenantDb, id: string, { name, filter }: SegmentChanges, by: RequestedBy): Promise<void> {
  await refusingTakenNames(db.transaction().execute(async (trx) => {
    if (!await updateSegment(trx, id, { ...(name === undefined ? {} : { name: name.trim() }), filter })) throw problem('SEGMENT_NOT_FOUND')
    if (filter !== undefined) await refuseUnknownInFilter(trx, filter)
    await recordAudit(trx, by, { action: 'segment.changed', subjectKind: 'segment', subjectId: id, after: { fields: Object.keys({ name, filter }) } })
  }))
}

/** @throws problem('SEGMENT_NOT_FOUND'), or 'SEGMENT_IN_USE' naming the messages that would lose their audience */
export async function deleteSegment (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (await lockForDeletion(trx, id) === undefined) throw problem('SEGMENT_NOT_FOUND')
    const users = [
      ...(await scheduledUsing(trx, id)).map((message) => `message ${message}`),
      ...(await recurringUsing(trx, id)).map((name) => `the recurring message ${name}`)
    ]
    if (users.length > 0) throw inUse(users)
    await removeSegment(trx, id)
    await recordAudit(trx, by, { action: 'segment.deleted', subjectKind: 'segment', subjectId: id })
  })
}

function inUse (users: readonly string[]) {
  return problem('SEGMENT_IN_USE', {
    detail: `${users.join(', ')} ${users.length === 1 ? 'is' : 'are'} still to leave to this segment, or without it. Cancel ${users.length === 1 ? 'it' : 'them'} first, or change the segment instead.`
  })
}

/** At the time of saving; a tag or branch that is deleted later fits nobody. */
export async function refuseUnknownInFilter (db: TenantDb, { conditions }: SegmentFilter): Promise<void> {
  for (const [index, condition] of conditions.entries()) {
    const path = `/body/filter/conditions/${index}/values`
    if (condition.field === 'tags') await refuseUnknownNames(db, [{ kind: 'tag', path, asked: condition.values }])
    if (condition.field === 'branches') await refuseUnknownNames(db, [{ kind: 'branch', path, asked: condition.values }])
  }
}

async function refusingTakenNames<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'segments_name') throw problem('SEGMENT_NAME_TAKEN', { cause: error })
    throw error
  }
}
