// Writes a message for one occurrence of a recurring message; the start job does the rest.
import { type TenantDb } from '../../tenancy/tenant.js'
import { holdForMessage } from '../media/hold-for-message.js'
import { GENERAL } from '../members/consent.js'
import { defaultSender } from '../numbers/default-sender.js'
import { countTemplateUse } from '../templates/change-templates.js'
import { composeMessage, type Composed } from './compose-message.js'
import { insertMessage } from './queries.js'
import { refuseUnknown } from './refuse-unknown.js'
import { type NewMessage } from './schemas.js'

type Content = Pick<NewMessage, 'text' | 'templateId' | 'smartReplace' | 'mediaUrls' | 'mediaIds' | 'to' | 'topic'>

/** @throws what `sendMessage` refuses a text, its files or its audience with, for being empty or unknown */
export async function checkContent (trx: TenantDb, message: Content): Promise<Composed> {
  const composed = await composeMessage(trx, message)
  await refuseUnknown(trx, message)
  await holdForMessage(trx, composed.mediaIds, composed.mediaUrls)
  return composed
}

export interface OccurrenceMessage { id: string, message: Content, recurringMessageId: string, occurrence: Date, createdBy: string | null }

/** In the transaction that moves the rule to its next time; call `planStart` before it and `confirmStart` after. @throws as `checkContent`, and problem('NO_SENDING_NUMBER') */
export async function writeOccurrence (trx: TenantDb, { id, message, recurringMessageId, occurrence, createdBy }: OccurrenceMessage): Promise<void> {
  const composed = await checkContent(trx, message)
  const { number } = await defaultSender(trx)
  await insertMessage(trx, { ...composed, id, from: number, audience: message.to, topic: message.topic ?? GENERAL, sendAt: occurrence, sendBefore: null, local: null, createdBy, recurring: { id: recurringMessageId, occurrence } })
  if (composed.templateId !== null) await countTemplateUse(trx, composed.templateId)
}
