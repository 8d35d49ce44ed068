// Queues one text to many members at once: now, or for later.
import { problem, type ProblemCode } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { defaultSender } from '../numbers/default-sender.js'
import { requireSendable } from './count-parts.js'
import { finishMessages } from './finish-messages.js'
import { insertMessage, insertRecipients, unknownInAudience } from './queries.js'
import { type Audience, type NewMessage } from './schemas.js'
import { guardDispatch, wakeDispatch } from './wake-dispatch.js'

/**
 * @returns the message's id
 * @throws problem('TEXT_TOO_LONG'), 'NO_SENDING_NUMBER', 'AUDIENCE_EMPTY', or 'MEMBER_NOT_FOUND', 'BRANCH_NOT_FOUND', 'TAG_NOT_FOUND' naming
 * those that do not exist; then nothing is queued
 */
export async function sendMessage (services: Services, db: TenantDb, tenantId: string, message: NewMessage, by: RequestedBy): Promise<string> {
  const { text = '', mediaUrls = [], to } = message
  if (text.trim() === '' && mediaUrls.length === 0) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/text', message: 'is required, unless there are mediaUrls' }] })
  }
  const parts = requireSendable(text, mediaUrls)
  const { number } = await defaultSender(db)
  const sendAt = later(message.sendAt, services.clock.now())
  await guardDispatch(services, tenantId, sendAt ?? undefined)
  const id = await db.transaction().execute(async (trx) => {
    await refuseUnknown(trx, to)
    const id = await insertMessage(trx, { text, mediaUrls, from: number, audience: to, sendAt, createdBy: by.adminId })
    const { chosen, queued } = await insertRecipients(trx, id, to, parts, sendAt)
    if (chosen === 0) throw problem('AUDIENCE_EMPTY')
    if (queued === 0) await finishMessages(trx)
    await recordAudit(trx, by, { action: 'message.created', subjectKind: 'message', subjectId: id, after: { recipients: chosen, queued } })
    return id
  })
  await wakeDispatch(services, tenantId)
  return id
}

function later (sendAt: string | undefined, now: Date): Date | null {
  if (sendAt === undefined) return null
  const time = new Date(sendAt)
  return time > now ? time : null
}

const shown = 10

async function refuseUnknown (trx: TenantDb, audience: Audience): Promise<void> {
  const unknown = await unknownInAudience(trx, audience)
  if (unknown.length === 0) return
  const [code, field, what]: [ProblemCode, string, string] = 'memberIds' in audience
    ? ['MEMBER_NOT_FOUND', 'memberIds', 'member has the id']
    : 'branchIds' in audience ? ['BRANCH_NOT_FOUND', 'branchIds', 'branch has the id'] : ['TAG_NOT_FOUND', 'tags', 'tag has the name']
  const more = unknown.length > shown ? ` and ${unknown.length - shown} more` : ''
  throw problem(code, {
    detail: `No ${what} ${unknown.slice(0, shown).join(', ')}${more}. Nothing was queued; leave ${unknown.length === 1 ? 'it' : 'them'} out and send again.`,
    errors: unknown.map((value) => ({ path: `/body/to/${field}`, message: `${value} does not exist` }))
  })
}
