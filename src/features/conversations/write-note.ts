// A note among the texts of a conversation: for admins alone.
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { type ConversationMessageRow, findConversationMessage } from './inbox-queries.js'
import { getConversation } from './list-conversations.js'
import { insertNote } from './queries.js'

/** Changes nothing else of the conversation. @throws problem('CONVERSATION_NOT_FOUND') */
export async function writeNote (services: Pick<Services, 'announcer' | 'clock'>, db: TenantDb, note: { tenantId: string, conversationId: string, text: string, adminId: string }): Promise<ConversationMessageRow> {
  const { tenantId, conversationId, text, adminId } = note
  const row = await db.transaction().execute(async (trx) => {
    await getConversation(trx, conversationId)
    const { id } = await insertNote(trx, { conversationId, text, adminId, at: services.clock.now() })
    await recordEvents(trx, [{ type: 'conversation.changed', data: { conversationId } }])
    return await findConversationMessage(trx, id)
  })
  announceEvents(services, tenantId)
  return row
}
