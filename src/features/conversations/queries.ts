// All SQL of conversations, and the one look into the registry for the name that automatic answers bear.
import { sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { type Keyword } from './keywords.js'
import { type InboundText } from './receive-text.js'

export interface Person { memberId: string | null, phoneHash: Buffer, phoneCipher: Buffer }

export async function findOrganizationName (registry: RegistryDb, tenant: Tenant): Promise<string> {
  const { name } = await registry.selectFrom('organizations').select('name').where('id', '=', tenant.organizationId).executeTakeFirstOrThrow()
  return name
}

export async function isReceived (trx: TenantDb, providerMessageId: string): Promise<boolean> {
  return await trx.selectFrom('conversation_messages').select('id').where('provider_message_id', '=', providerMessageId).executeTakeFirst() !== undefined
}

export interface InboundNews { ourNumber: string, at: Date, preview: string, needsAttention: 'stop_request' | null }

/** Finds the person's open conversation or makes one, and counts one more unread. Late news does not take the place of later. */
export async function openConversation (trx: TenantDb, { memberId, phoneHash, phoneCipher }: Person, news: InboundNews): Promise<{ id: string }> {
  const newest = sql<boolean>`excluded.last_message_at >= conversations.last_message_at`
  return trx.insertInto('conversations')
    .values({
      member_id: memberId,
      address_hash: phoneHash,
      address_cipher: phoneCipher,
      our_number: news.ourNumber,
      unread_count: 1,
      needs_attention: news.needsAttention,
      last_message_at: news.at,
      last_message_preview: news.preview
    })
    .onConflict((conflict) => conflict.columns(['address_hash', 'channel']).where('status', '=', sql.lit('open')).doUpdateSet({
      member_id: sql`coalesce(excluded.member_id, conversations.member_id)`,
      unread_count: sql`conversations.unread_count + 1`,
      needs_attention: sql`coalesce(excluded.needs_attention, conversations.needs_attention)`,
      our_number: sql`CASE WHEN ${newest} THEN excluded.our_number ELSE conversations.our_number END`,
      last_message_preview: sql`CASE WHEN ${newest} THEN excluded.last_message_preview ELSE conversations.last_message_preview END`,
      last_message_at: sql`greatest(excluded.last_message_at, conversations.last_message_at)`,
      updated_at: sql`now()`
    }))
    .returning('id').executeTakeFirstOrThrow()
}

export async function insertInbound (trx: TenantDb, conversationId: string, inbound: InboundText, keyword: Keyword | null): Promise<void> {
  await trx.insertInto('conversation_messages').values({
    conversation_id: conversationId,
    direction: 'inbound',
    text: inbound.text,
    media: JSON.stringify(inbound.media),
    provider_message_id: inbound.providerMessageId,
    keyword,
    sent_at: inbound.receivedAt
  }).execute()
}

export interface Outbound { conversationId: string, messageId: string, text: string, mediaUrls: readonly string[], sentBy: string | null, keyword: Keyword | null, at: Date }

export async function insertOutbound (trx: TenantDb, outbound: Outbound): Promise<{ id: string }> {
  return trx.insertInto('conversation_messages').values({
    conversation_id: outbound.conversationId,
    direction: 'outbound',
    text: outbound.text,
    media: JSON.stringify(outbound.mediaUrls.map((url) => ({ url, contentType: null, size: null }))),
    message_id: outbound.messageId,
    sent_by: outbound.sentBy,
    keyword: outbound.keyword,
    sent_at: outbound.at
  }).returning('id').executeTakeFirstOrThrow()
}

/** Whether this person's consent was settled by a keyword sent later than `at`. */
export async function isOvertaken (trx: TenantDb, phoneHash: Buffer, at: Date): Promise<boolean> {
  return await messagesOf(trx, phoneHash).where('m.direction', '=', 'inbound').where('m.keyword', 'in', ['stop', 'start'])
    .where('m.sent_at', '>', at).limit(1).executeTakeFirst() !== undefined
}

/** How many automatic answers this person has got since `since`, over all conversations. */
export async function countAnswers (trx: TenantDb, phoneHash: Buffer, since: Date): Promise<number> {
  const answers = await messagesOf(trx, phoneHash).where('m.direction', '=', 'outbound').where('m.keyword', 'is not', null)
    .where('m.sent_at', '>', since).execute()
  return answers.length
}

function messagesOf (trx: TenantDb, phoneHash: Buffer) {
  return trx.selectFrom('conversations as c').innerJoin('conversation_messages as m', 'm.conversation_id', 'c.id')
    .where('c.address_hash', '=', phoneHash).select('m.id')
}

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

export interface ConversationChange { status?: 'open' | 'closed' | 'archived', unread_count?: number, needs_attention?: null, last_message_at?: Date, last_message_preview?: string }

/** Returns whether there is such a conversation. @throws a violation of conversations_open when another of this person is open */
export async function updateConversation (db: TenantDb, id: string, change: ConversationChange): Promise<boolean> {
  return await db.updateTable('conversations').set({ ...change, updated_at: sql`now()` }).where('id', '=', id).returning('id').executeTakeFirst() !== undefined
}

export async function updateMemberOf (trx: TenantDb, phoneHash: Buffer, memberId: string): Promise<void> {
  await trx.updateTable('conversations').set({ member_id: memberId, updated_at: sql`now()` })
    .where('address_hash', '=', phoneHash).where('member_id', 'is distinct from', memberId).execute()
}
