// Reactions to texts: an admin's, seen by admins alone, and a person's own, which come as texts.
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { type ConversationMessageRow, findConversationMessage } from './inbox-queries.js'
import { getConversation } from './list-conversations.js'
import { deleteReaction, findInConversation, insertReaction, recentMessages, setReplyTo, upsertPersonsReaction } from './reaction-queries.js'
import { type InboundText } from './receive-text.js'
import { isQuoted, readTapback } from './tapbacks.js'

export interface AdminsReaction { tenantId: string, conversationId: string, messageId: string, adminId: string, reaction: string }

/** Adds it, or with `wanted` false takes it back; again changes nothing. @throws problem('CONVERSATION_NOT_FOUND'), 'CONVERSATION_MESSAGE_NOT_FOUND' */
export async function setReaction (services: Pick<Services, 'announcer' | 'clock'>, db: TenantDb, reaction: AdminsReaction, wanted: boolean): Promise<ConversationMessageRow> {
  const { tenantId, conversationId, messageId } = reaction
  const row = await db.transaction().execute(async (trx) => {
    await getConversation(trx, conversationId)
    if (!await findInConversation(trx, conversationId, messageId)) throw problem('CONVERSATION_MESSAGE_NOT_FOUND')
    const changed = wanted ? await insertReaction(trx, { ...reaction, at: services.clock.now() }) : await deleteReaction(trx, reaction)
    if (changed) await recordEvents(trx, [{ type: 'conversation.changed', data: { conversationId } }])
    return await findConversationMessage(trx, messageId)
  })
  announceEvents(services, tenantId)
  return row
}

/** If the text `messageId` says a reaction to an earlier one, it is attached to that: of those that fit, the newest. One that fits none stays just a text. */
export async function attachTapback (trx: TenantDb, conversationId: string, messageId: string, { text: said, receivedAt: at }: Pick<InboundText, 'text' | 'receivedAt'>): Promise<void> {
  const tapback = readTapback(said)
  if (tapback === undefined) return
  const { quoted, reaction } = tapback
  const recent = await recentMessages(trx, conversationId, messageId, at)
  const target = recent.find(({ text, hasMedia }) => quoted === null ? hasMedia : isQuoted(quoted, text))
  if (target === undefined) return
  await setReplyTo(trx, messageId, target.id)
  await upsertPersonsReaction(trx, { messageId: target.id, reaction, at })
}
