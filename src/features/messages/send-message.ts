// Takes in one text to many members: now, or for later, when whoever is in the audience by then gets it.
import { uuidv7 } from '../../crypto/uuid.js'
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { holdForMessage } from '../media/hold-for-message.js'
import { GENERAL } from '../members/consent.js'
import { defaultSender } from '../numbers/default-sender.js'
import { countTemplateUse } from '../templates/change-templates.js'
import { composeMessage } from './compose-message.js'
import { confirmStart, planStart } from './plan-start.js'
import { insertMessage } from './queries.js'
import { refuseUnknown } from './refuse-unknown.js'
import { type NewMessage } from './schemas.js'
import { settleTimes } from './settle-times.js'
import { startIn } from './start-message.js'
import { guardDispatch, wakeDispatch } from './wake-dispatch.js'

/**
 * @returns the message's id
 * @throws problem('VALIDATION_FAILED'), 'TEMPLATE_NOT_FOUND', 'TEXT_TOO_LONG', 'NO_SENDING_NUMBER', 'AUDIENCE_EMPTY' (at once only), or 'MEMBER_NOT_FOUND', 'BRANCH_NOT_FOUND', 'TAG_NOT_FOUND', 'SEGMENT_NOT_FOUND', 'TOPIC_NOT_FOUND'
 * naming those that do not exist; then nothing is queued
 */
export async function sendMessage (services: Services, db: TenantDb, tenant: Tenant, message: NewMessage, by: RequestedBy): Promise<string> {
  const { to, topic = GENERAL } = message
  const composed = await composeMessage(db, message)
  const { number } = await defaultSender(db)
  const now = services.clock.now()
  const { sendAt, sendBefore, local } = await settleTimes(db, tenant.timeZone, message, now)
  const id = uuidv7(now.getTime())
  const write = async (start: (trx: TenantDb) => Promise<object>): Promise<void> => {
    await db.transaction().execute(async (trx) => {
      await refuseUnknown(trx, message)
      await holdForMessage(trx, composed.mediaIds, composed.mediaUrls)
      await insertMessage(trx, { ...composed, id, from: number, audience: to, topic, sendAt, sendBefore, local, createdBy: by.adminId })
      if (composed.templateId !== null) await countTemplateUse(trx, composed.templateId)
      const after = await start(trx)
      await recordAudit(trx, by, { action: 'message.created', subjectKind: 'message', subjectId: id, after })
    })
  }
  if (sendAt === null) await sendNow(services, tenant, id, now, write)
  else await sendLater(services, tenant.id, id, sendAt, write)
  return id
}

type Write = (start: (trx: TenantDb) => Promise<object>) => Promise<void>

async function sendNow (services: Services, tenant: Tenant, id: string, now: Date, write: Write): Promise<void> {
  await guardDispatch(services, tenant.id)
  await write(async (trx) => {
    const started = await startIn(services, trx, tenant, id, now)
    if (started === undefined || started.chosen === 0) throw problem('AUDIENCE_EMPTY')
    return { recipients: started.chosen, queued: started.queued }
  })
  await wakeDispatch(services, tenant.id)
}

async function sendLater (services: Services, tenantId: string, id: string, sendAt: Date, write: Write): Promise<void> {
  await planStart(services, tenantId, id, sendAt)
  await write(async () => ({ sendAt }))
  await confirmStart(services, tenantId, id, sendAt)
}
