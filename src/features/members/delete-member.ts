// Removes a member from sight. The row stays as the subject of the consent on record; the phone number is free for another.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { cancelQueuedFor } from '../messages/cancel-queued.js'
import { lockMember, softDeleteMember } from './queries.js'

/** @throws problem('MEMBER_NOT_FOUND') */
export async function deleteMember (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const member = await lockMember(trx, id)
    if (member === undefined) throw problem('MEMBER_NOT_FOUND')
    await softDeleteMember(trx, id)
    await cancelQueuedFor(trx, member.phone_hash)
    await recordAudit(trx, by, { action: 'member.deleted', subjectKind: 'member', subjectId: id })
  })
}
