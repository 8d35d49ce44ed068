// The SQL that shows the inbox: conversations and their messages, one or a page at a time.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { isAssignedTo } from './bulk-queries.js'

/** Trigrams need three letters. */
const shortestWord = 3

const conversationColumns = [
  'c.id', 'c.member_id as memberId', 'm.first_name as firstName', 'm.last_name as lastName', 'm.opt_in_state as optInState', 'c.address_hash as addressHash',
  'c.address_cipher as addressCipher', 'c.channel', 'c.our_number as ourNumber', 'c.status', 'c.unread_count as unreadCount', 'c.needs_attention as needsAttention', 'c.assigned_admin_id as assignedTo', 'c.snoozed_until as snoozedUntil',
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
  /** `me`, `nobody`, or an admin's id. */
  assignedTo: string | undefined
  snoozed: boolean | undefined
  /** Who asks, and when. */
  adminId: string
  now: Date
  words: readonly string[]
  phoneHash: Buffer | undefined
  /** Time and id of the last one before this page. */
  after: readonly [Date, string] | undefined
  limit: number
}

export async function conversationsAfter (db: TenantDb, filter: ConversationFilter) {
  const { status, unread, needsAttention, assignedTo, snoozed, words, phoneHash, after, limit } = filter
  let query = conversations(db)
  if (status !== undefined) query = query.where('c.status', '=', status)
  if (unread !== undefined) query = query.where('c.unread_count', unread ? '>' : '=', 0)
  if (needsAttention !== undefined) query = query.where('c.needs_attention', needsAttention ? 'is not' : 'is', null)
  if (assignedTo !== undefined) query = query.where(isAssignedTo(assignedTo, filter.adminId))
  if (snoozed !== undefined) query = query.where(sql<boolean>`coalesce(c.snoozed_until > ${filter.now}, false) = ${snoozed}`)
  if (phoneHash !== undefined) query = query.where('c.address_hash', '=', phoneHash)
  else if (words.length > 0) query = query.where(speaksOf(words))
  if (after !== undefined) query = query.where(sql<boolean>`(c.last_message_at, c.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
  return query.orderBy('c.last_message_at', 'desc').orderBy('c.id', 'desc').limit(limit).execute()
}

/** All the words in the member's name and e-mail, or all in one text or note. Words of a letter or two are looked for in names alone: no index finds them. */
function speaksOf (words: readonly string[]): RawBuilder<boolean> {
  const patterns = words.map((word) => `%${word.replace(/[\\%_]/g, '\\$&')}%`)
  const named = sql<boolean>`m.search_text LIKE ALL (${patterns}::text[])`
  if (!words.some((word) => word.length >= shortestWord)) return named
  return sql<boolean>`(${named} OR c.id IN (SELECT t.conversation_id FROM conversation_messages t WHERE ${sql.join(patterns.map((pattern) => sql`t.text ILIKE ${pattern}`), sql` AND `)}))`
}

/** The recipient row tells how far an outbound text has come. */
function messages (db: TenantDb) {
  return db.selectFrom('conversation_messages as m')
    .innerJoin('conversations as c', 'c.id', 'm.conversation_id')
    .leftJoin('message_recipients as r', (join) => join.onRef('r.message_id', '=', 'm.message_id').onRef('r.phone_hash', '=', 'c.address_hash'))
    .select(['m.id', 'm.direction', 'm.channel', 'm.text', 'm.media', 'm.keyword', 'm.message_id as messageId', 'm.sent_by as sentBy', 'm.sent_at as sentAt',
      'r.status', 'r.error_code as errorCode', 'r.error_detail as errorDetail', 'm.reply_to_id as reactionTo',
      sql<Reaction[]>`coalesce((SELECT json_agg(json_build_object('reaction', x.reaction, 'adminId', x.admin_id) ORDER BY x.reacted_at, x.id)
        FROM conversation_reactions x WHERE x.conversation_message_id = m.id AND x.reaction IS NOT NULL), '[]')`.as('reactions')])
}

/** `adminId` null: the person's own. */
export interface Reaction { reaction: string, adminId: string | null }

export async function messagesBefore (db: TenantDb, conversationId: string, before: readonly [Date, string] | undefined, limit: number) {
  let query = messages(db).where('m.conversation_id', '=', conversationId)
  if (before !== undefined) query = query.where(sql<boolean>`(m.sent_at, m.id) < (${before[0]}::timestamptz, ${before[1]}::uuid)`)
  return query.orderBy('m.sent_at', 'desc').orderBy('m.id', 'desc').limit(limit).execute()
}

export async function findConversationMessage (db: TenantDb, id: string) {
  return messages(db).where('m.id', '=', id).executeTakeFirstOrThrow()
}

export type ConversationMessageRow = Awaited<ReturnType<typeof findConversationMessage>>
