// What a person decides about a dead letter: how it ended, or that its text is sent once more.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { resendText } from '../messages/resend-text.js'
import { settleByHand } from '../messages/settle-by-hand.js'
import { guardDispatch, wakeDispatch } from '../messages/wake-dispatch.js'
import { closeDeadLetter, findSubject } from './queries.js'
import { type Decision } from './schemas.js'

/**
 * `delivered` and `failed` also settle the text itself, unless the carrier has meanwhile.
 * @throws problem('DEAD_LETTER_NOT_FOUND'), 'DEAD_LETTER_CLOSED', 'DEAD_LETTER_NOT_A_TEXT'
 */
export async function resolveDeadLetter (db: TenantDb, id: string, { outcome, note }: Decision, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { messageId, phoneHash } = await subjectOf(trx, id)
    if (outcome === 'delivered' || outcome === 'failed') {
      if (messageId === null || phoneHash === null) throw problem('DEAD_LETTER_NOT_A_TEXT')
      await settleByHand(trx, { messageId, phoneHash }, outcome)
    }
    if (!await closeDeadLetter(trx, id, { outcome, note: note ?? null, adminId: by.adminId })) throw problem('DEAD_LETTER_CLOSED')
    await recordAudit(trx, by, { action: 'dead_letter.resolved', subjectKind: 'dead_letter', subjectId: id, after: { outcome } })
  })
}

/**
 * Sends the text once more, as a message of its own, on a person's word alone: the first may have arrived. A broadcast or a welcome by quiet hours.
 * @returns the new message's id
 * @throws problem('DEAD_LETTER_NOT_FOUND'), 'DEAD_LETTER_CLOSED', 'DEAD_LETTER_NOT_A_TEXT', 'MEMBER_OPTED_OUT', 'NO_SENDING_NUMBER'
 */
export async function resendDeadLetter (services: Services, db: TenantDb, tenant: Tenant, id: string, by: RequestedBy): Promise<string> {
  await guardDispatch(services, tenant.id)
  const messageId = await db.transaction().execute(async (trx) => {
    const { messageId, phoneHash } = await subjectOf(trx, id)
    if (messageId === null || phoneHash === null) throw problem('DEAD_LETTER_NOT_A_TEXT')
    const again = await resendText(services, trx, tenant.timeZone, { messageId, phoneHash, deadLetterId: id, adminId: by.adminId })
    if (again === undefined || !await closeDeadLetter(trx, id, { outcome: 'resent', note: null, adminId: by.adminId })) throw problem('DEAD_LETTER_CLOSED')
    await recordAudit(trx, by, { action: 'dead_letter.resent', subjectKind: 'dead_letter', subjectId: id, after: { messageId: again } })
    return again
  })
  await wakeDispatch(services, tenant.id)
  return messageId
}

async function subjectOf (trx: TenantDb, id: string) {
  const subject = await findSubject(trx, id)
  if (subject === undefined) throw problem('DEAD_LETTER_NOT_FOUND')
  return subject
}
