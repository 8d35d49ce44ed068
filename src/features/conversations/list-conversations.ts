// Reads the inbox page by page: conversations by their last text, texts from the newest back.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Country, readPhone } from '../members/phone.js'
import { conversationsAfter, type ConversationRow, findConversation, messagesBefore } from './inbox-queries.js'
import { type Conversation, type ConversationMessage, type ConversationQuery } from './schemas.js'
import { conversationToWire, messageToWire } from './to-wire.js'

/** @throws problem('CONVERSATION_NOT_FOUND') */
export async function getConversation (db: TenantDb, id: string): Promise<ConversationRow> {
  const row = await findConversation(db, id)
  if (row === undefined) throw problem('CONVERSATION_NOT_FOUND')
  return row
}

/** `country`: where a number in the search is, if it does not say. @throws problem('CURSOR_INVALID') */
export async function listConversations (db: TenantDb, fields: FieldCrypto, query: ConversationQuery, { adminId, now, country }: { adminId: string, now: Date, country?: Country | undefined }): Promise<Page<Conversation>> {
  const { search = '', status, unread, needsAttention, assignedTo, snoozed, limit, cursor } = query
  const phone = readPhone(search, country)
  const rows = await conversationsAfter(db, {
    status,
    unread,
    needsAttention,
    assignedTo,
    snoozed,
    adminId,
    now,
    words: search.toLowerCase().split(/\s+/).filter((word) => word !== ''),
    phoneHash: phone === undefined ? undefined : fields.blindIndex(phone),
    after: readPlace(fields, 'conversations', cursor),
    limit: limit + 1
  })
  return toPage(rows, limit, (row) => conversationToWire(row, fields), ({ lastMessageAt, id }) => encodeCursor(fields, 'conversations', [lastMessageAt.toISOString(), id]))
}

/** The newest first. @throws problem('CONVERSATION_NOT_FOUND') @throws problem('CURSOR_INVALID') */
export async function listMessages (db: TenantDb, fields: FieldCrypto, id: string, { limit, cursor }: { limit: number, cursor?: string }): Promise<Page<ConversationMessage>> {
  await getConversation(db, id)
  const list = `conversation ${id}`
  const rows = await messagesBefore(db, id, readPlace(fields, list, cursor), limit + 1)
  return toPage(rows, limit, messageToWire, (last) => encodeCursor(fields, list, [last.sentAt.toISOString(), last.id]))
}

/** All times of conversations are written to the millisecond, so a Date holds the whole sort key. */
function readPlace (fields: FieldCrypto, list: string, cursor: string | undefined): readonly [Date, string] | undefined {
  const [time, id] = decodeCursor(fields, list, cursor, 2) ?? []
  return time === undefined || id === undefined ? undefined : [new Date(time), id]
}
