// Answers one person in their conversation: one text, to them alone, from the number they texted as long as it works.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { isWithdrawn, lockConsent } from '../members/consent.js'
import { holdForMessage } from '../media/hold-for-message.js'
import { findMemberByPhone } from '../members/find-member.js'
import { queueText } from '../messages/queue-text.js'
import { guardDispatch, wakeDispatch } from '../messages/wake-dispatch.js'
import { senderFor } from '../numbers/default-sender.js'
import { refusingTwoOpen } from './change-conversation.js'
import { type ConversationMessageRow, findConversationMessage } from './inbox-queries.js'
import { getConversation } from './list-conversations.js'
import { insertOutbound, updateConversation } from './queries.js'
import { previewOf } from './receive-text.js'
import { externalMedia, keptMedia } from './stored-media.js'

export interface NewReply { tenantId: string, conversationId: string, text: string, mediaUrls: readonly string[], mediaIds: readonly string[], adminId: string }

type Replying = Pick<Services, 'jobs' | 'config' | 'log' | 'clock' | 'announcer'>

/**
 * Opens a closed conversation again.
 * @throws problem('CONVERSATION_NOT_FOUND') @throws problem('MEMBER_OPTED_OUT') @throws problem('TEXT_TOO_LONG') and what `holdForMessage` throws
 * @throws problem('NO_SENDING_NUMBER') when the number they texted and every other is gone
 * @throws problem('CONVERSATION_SUPERSEDED') when this one is closed and a newer one is open
 */
export async function sendReply (services: Replying, db: TenantDb, fields: FieldCrypto, reply: NewReply): Promise<ConversationMessageRow> {
  const { conversationId, text, mediaUrls, mediaIds, tenantId } = reply
  if (text.trim() === '' && mediaUrls.length + mediaIds.length === 0) throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/text', message: 'must not be empty unless there are mediaUrls or mediaIds' }] })
  const { addressHash } = await getConversation(db, conversationId)
  await guardDispatch(services, tenantId)
  const row = await refusingTwoOpen(db.transaction().execute(async (trx) => {
    await lockConsent(trx, addressHash)
    const conversation = await getConversation(trx, conversationId)
    const member = await findMemberByPhone(trx, addressHash)
    if (member?.optInState === 'opted_out' || await isWithdrawn(trx, addressHash)) throw problem('MEMBER_OPTED_OUT')
    const files = await holdForMessage(trx, mediaIds, mediaUrls)
    const { messageId } = await queueText(trx, {
      kind: 'reply',
      lane: 'reply',
      text,
      mediaUrls,
      mediaIds,
      from: (await senderFor(trx, conversation.ourNumber)).number,
      recipient: { memberId: member?.id ?? null, phoneHash: addressHash, phoneCipher: fields.encrypt(fields.decrypt(conversation.addressCipher)) },
      createdBy: reply.adminId
    })
    const at = services.clock.now()
    const media = [...mediaUrls.map(externalMedia), ...files.map(keptMedia)]
    const { id } = await insertOutbound(trx, { conversationId, messageId, text, media, sentBy: reply.adminId, keyword: null, at })
    await updateConversation(trx, conversationId, {
      status: 'open', last_message_at: at, last_message_preview: previewOf({ text, media })
    })
    await recordEvents(trx, [{ type: 'conversation.changed', data: { conversationId } }])
    return findConversationMessage(trx, id)
  }))
  announceEvents(services, tenantId)
  await wakeDispatch(services, tenantId)
  return row
}
