// The SQL of what happens in conversations.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Keyword } from './keywords.js'
import { type InboundText } from './receive-text.js'
import { pendingMedia, type StoredMedia } from './stored-media.js'

/** What the column `keyword` holds; custom: a keyword of the organization's own, or the answer to one. */
export type MessageKeyword = Keyword | 'custom'

export interface Person { memberId: string | null, phoneHash: Buffer, phoneCipher: Buffer }

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
      last_inbound_at: news.at,
      last_message_at: news.at,
      last_message_preview: news.preview
    })
    .onConflict((conflict) => conflict.columns(['address_hash', 'channel']).where('status', '=', sql.lit('open')).doUpdateSet({
      member_id: sql`coalesce(excluded.member_id, conversations.member_id)`,
      unread_count: sql`conversations.unread_count + 1`,
      // Whoever writes is not put off.
      snoozed_until: null,
      needs_attention: sql`coalesce(excluded.needs_attention, conversations.needs_attention)`,
      our_number: sql`CASE WHEN ${newest} THEN excluded.our_number ELSE conversations.our_number END`,
      last_message_preview: sql`CASE WHEN ${newest} THEN excluded.last_message_preview ELSE conversations.last_message_preview END`,
      last_inbound_at: sql`greatest(excluded.last_inbound_at, conversations.last_inbound_at)`,
      last_message_at: sql`greatest(excluded.last_message_at, conversations.last_message_at)`,
      updated_at: sql`now()`
    }))
    .returning('id').executeTakeFirstOrThrow()
}

export async function insertInbound (trx: TenantDb, conversationId: string, inbound: InboundText, keyword: MessageKeyword | null): Promise<{ id: string }> {
  return trx.insertInto('conversation_messages').values({
    conversation_id: conversationId,
    direction: 'inbound',
    text: inbound.text,
    media: JSON.stringify(inbound.media.map(pendingMedia)),
    provider_message_id: inbound.providerMessageId,
    keyword,
    sent_at: inbound.receivedAt
  }).returning('id').executeTakeFirstOrThrow()
}

export interface Outbound { conversationId: string, messageId: string, text: string, media: readonly StoredMedia[], sentBy: string | null, keyword: MessageKeyword | null, at: Date }

export async function insertOutbound (trx: TenantDb, outbound: Outbound): Promise<{ id: string }> {
  return trx.insertInto('conversation_messages').values({
    conversation_id: outbound.conversationId,
    direction: 'outbound',
    text: outbound.text,
    media: JSON.stringify(outbound.media),
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

export async function insertNote (trx: TenantDb, { conversationId, text, adminId, at }: { conversationId: string, text: string, adminId: string, at: Date }): Promise<{ id: string }> {
  return trx.insertInto('conversation_messages').values({ conversation_id: conversationId, direction: 'internal', text, sent_by: adminId, sent_at: at })
    .returning('id').executeTakeFirstOrThrow()
}

/** `unread` true: at least one unread, false: none. */
export interface ConversationChange {
  status?: 'open' | 'closed' | 'archived'
  unread?: boolean
  needs_attention?: null
  assigned_admin_id?: string | null
  snoozed_until?: Date | null
  last_message_at?: Date
  last_message_preview?: string
}

/** Returns whether there is such a conversation. @throws a violation of conversations_open when another of this person is open */
export async function updateConversation (db: TenantDb, id: string, { unread, ...change }: ConversationChange): Promise<boolean> {
  const count = unread === undefined ? {} : { unread_count: unread ? sql<number>`greatest(unread_count, 1)` : 0 }
  return await db.updateTable('conversations').set({ ...change, ...count, updated_at: sql`now()` }).where('id', '=', id).returning('id').executeTakeFirst() !== undefined
}

/** @returns the conversations that became this member's */
export async function updateMemberOf (trx: TenantDb, phoneHash: Buffer, memberId: string): Promise<string[]> {
  const rows = await trx.updateTable('conversations').set({ member_id: memberId, updated_at: sql`now()` })
    .where('address_hash', '=', phoneHash).where('member_id', 'is distinct from', memberId).returning('id').execute()
  return rows.map(({ id }) => id)
}

export async function isActiveAdmin (db: TenantDb, id: string): Promise<boolean> {
  return await db.selectFrom('admins').select('id').where('id', '=', id).where('status', '=', 'active').executeTakeFirst() !== undefined
}

/** Returns whether it was put off until `now` or before. */
export async function wakeConversation (trx: TenantDb, id: string, now: Date): Promise<boolean> {
  return await trx.updateTable('conversations').set({ snoozed_until: null, unread_count: sql`greatest(unread_count, 1)`, updated_at: sql`now()` })
    .where('id', '=', id).where('snoozed_until', '<=', now).returning('id').executeTakeFirst() !== undefined
}

export async function findSnooze (db: TenantDb, id: string): Promise<Date | null> {
  const row = await db.selectFrom('conversations').select('snoozed_until').where('id', '=', id).executeTakeFirst()
  return row?.snoozed_until ?? null
}
