// What an admin does to a conversation besides writing: reads it, closes it, opens it again, sees to what called for a person.
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { getConversation } from './list-conversations.js'
import { type ConversationRow } from './inbox-queries.js'
import { updateConversation } from './queries.js'
import { type ConversationChanges } from './schemas.js'

/** @throws problem('CONVERSATION_NOT_FOUND') @throws problem('CONVERSATION_SUPERSEDED') when opening one of two */
export async function changeConversation (services: Pick<Services, 'announcer'>, db: TenantDb, tenantId: string, id: string, changes: ConversationChanges): Promise<ConversationRow> {
  const { status, needsAttention, unread } = changes
  const row = await refusingTwoOpen(db.transaction().execute(async (trx) => {
    const found = await updateConversation(trx, id, {
      ...(status === undefined ? {} : { status }),
      ...(needsAttention === undefined ? {} : { needs_attention: null }),
      ...(unread === undefined ? {} : { unread_count: 0 })
    })
    if (!found) throw problem('CONVERSATION_NOT_FOUND')
    await recordEvents(trx, [{ type: 'conversation.changed', data: { conversationId: id } }])
    return await getConversation(trx, id)
  }))
  announceEvents(services, tenantId)
  return row
}

/** The unique index decides: one open conversation for each person and channel. */
export async function refusingTwoOpen<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'conversations_open') throw problem('CONVERSATION_SUPERSEDED', { cause: error })
    throw error
  }
}
