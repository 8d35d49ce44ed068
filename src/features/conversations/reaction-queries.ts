// The SQL of reactions.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** Texts that a reaction may be about: phones offer it for what is on their screen. */
const mostRecent = 200

export async function findInConversation (db: TenantDb, conversationId: string, messageId: string): Promise<boolean> {
  return await db.selectFrom('conversation_messages').select('id').where('id', '=', messageId).where('conversation_id', '=', conversationId).executeTakeFirst() !== undefined
}

/** Returns whether it is new. */
export async function insertReaction (trx: TenantDb, { messageId, adminId, reaction, at }: { messageId: string, adminId: string, reaction: string, at: Date }): Promise<boolean> {
  return await trx.insertInto('conversation_reactions').values({ conversation_message_id: messageId, admin_id: adminId, reaction, reacted_at: at })
    .onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst() !== undefined
}

/** Returns whether there was one. */
export async function deleteReaction (trx: TenantDb, { messageId, adminId, reaction }: { messageId: string, adminId: string, reaction: string }): Promise<boolean> {
  return await trx.deleteFrom('conversation_reactions').where('conversation_message_id', '=', messageId).where('admin_id', '=', adminId)
    .where('reaction', '=', reaction).returning('id').executeTakeFirst() !== undefined
}

/** Sent before `at`, the newest first; notes were on no phone's screen, and a text that is a reaction itself is quoted by none. */
export async function recentMessages (trx: TenantDb, conversationId: string, except: string, at: Date) {
  return await trx.selectFrom('conversation_messages').select(['id', 'text', sql<boolean>`media <> '[]'`.as('hasMedia')])
    .where('conversation_id', '=', conversationId).where('id', '<>', except).where('direction', '<>', 'internal').where('reply_to_id', 'is', null)
    .where('sent_at', '<=', at).orderBy('sent_at', 'desc').orderBy('id', 'desc').limit(mostRecent).execute()
}

export async function setReplyTo (trx: TenantDb, id: string, replyToId: string): Promise<void> {
  await trx.updateTable('conversation_messages').set({ reply_to_id: replyToId }).where('id', '=', id).execute()
}

/** A phone has one reaction to a text at a time, and the last it sent stands, in whatever order we hear of them. */
export async function upsertPersonsReaction (trx: TenantDb, { messageId, reaction, at }: { messageId: string, reaction: string | null, at: Date }): Promise<void> {
  await sql`
    INSERT INTO conversation_reactions AS known (conversation_message_id, reaction, reacted_at) VALUES (${messageId}, ${reaction}, ${at})
    ON CONFLICT (conversation_message_id) WHERE admin_id IS NULL DO UPDATE SET reaction = excluded.reaction, reacted_at = excluded.reacted_at
    WHERE (excluded.reacted_at, coalesce(excluded.reaction, '')) > (known.reacted_at, coalesce(known.reaction, ''))`.execute(trx)
}
