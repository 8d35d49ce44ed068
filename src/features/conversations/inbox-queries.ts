// The SQL that shows the inbox: conversations and their messages, one or a page at a time.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

const conversationColumns = [
  'c.id', 'c.member_id as memberId', 'm.first_name as firstName', 'm.last_name as lastName', 'm.opt_in_state as optInState', 'c.address_hash as addressHash',
  'c.address_cipher as addressCipher', 'c.channel', 'c.our_number as ourNumber', 'c.status', 'c.unread_count as unreadCount', 'c.needs_attention as needsAttention',
  'c.last_message_at as lastMessageAt', 'c.last_message_preview as lastMessagePreview', 'c.created_at as createdAt'
] as const

function conversations (db: TenantDb) {
  return db.selectFrom('conversations as c').leftJoin('members as m', 'm.id', 'c.member_id').select(conversationColumns)
}

export async function findConversation (db: TenantDb, id: string) {
  return conversations(db).where('c.id', '=', id).executeTakeFirst()
}

export type ConversationRow = NonNullable<Awaited<ReturnType<typeof findConversation>>>

export interface ConversationFilter {
  status: 'open' | 'closed' | 'archived' | undefined
  unread: boolean | undefined
  needsAttention: boolean | undefined
  words: readonly string[]
  phoneHash: Buffer | undefined
  /** Time and id of the last one before this page. */
  after: readonly [Date, string] | undefined
  limit: number
}

export async function conversationsAfter (db: TenantDb, filter: ConversationFilter) {
  const { status, unread, needsAttention, words, phoneHash, after, limit } = filter
  let query = conversations(db)
  if (status !== undefined) query = query.where('c.status', '=', status)
  if (unread !== undefined) query = query.where('c.unread_count', unread ? '>' : '=', 0)
  if (needsAttention !== undefined) query = query.where('c.needs_attention', needsAttention ? 'is not' : 'is', null)
  if (phoneHash !== undefined) query = query.where('c.address_hash', '=', phoneHash)
  else for (const word of words) query = query.where('m.search_text', 'like', `%${word.replace(/[\\%_]/g, '\\$&')}%`)
  if (after !== undefined) query = query.where(sql<boolean>`(c.last_message_at, c.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
  return query.orderBy('c.last_message_at', 'desc').orderBy('c.id', 'desc').limit(limit).execute()
}

/** The recipient row tells how far an outbound text has come. */
function messages (db: TenantDb) {
  return db.selectFrom('conversation_messages as m')
    .innerJoin('conversations as c', 'c.id', 'm.conversation_id')
    .leftJoin('message_recipients as r', (join) => join.onRef('r.message_id', '=', 'm.message_id').onRef('r.phone_hash', '=', 'c.address_hash'))
    .select(['m.id', 'm.direction', 'm.channel', 'm.text', 'm.media', 'm.keyword', 'm.message_id as messageId', 'm.sent_by as sentBy', 'm.sent_at as sentAt',
      'r.status', 'r.error_code as errorCode', 'r.error_detail as errorDetail'])
}

export async function messagesBefore (db: TenantDb, conversationId: string, before: readonly [Date, string] | undefined, limit: number) {
  let query = messages(db).where('m.conversation_id', '=', conversationId)
  if (before !== undefined) query = query.where(sql<boolean>`(m.sent_at, m.id) < (${before[0]}::timestamptz, ${before[1]}::uuid)`)
  return query.orderBy('m.sent_at', 'desc').orderBy('m.id', 'desc').limit(limit).execute()
}

export async function findConversationMessage (db: TenantDb, id: string) {
  return messages(db).where('m.id', '=', id).executeTakeFirstOrThrow()
}

export type ConversationMessageRow = Awaited<ReturnType<typeof findConversationMessage>>
