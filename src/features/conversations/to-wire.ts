// Rows as the wire has them: the address decrypted, field by field so that nothing else gets out.
import { type FieldCrypto } from '../../crypto/fields.js'
import { toTimestamp } from '../../http/wire.js'
import { type ConversationMessageRow, type ConversationRow } from './inbox-queries.js'
import { type InboundMedia } from './receive-text.js'
import { type Conversation, type ConversationMessage } from './schemas.js'

export function conversationToWire (row: ConversationRow, fields: FieldCrypto): Conversation {
  const { memberId, firstName, lastName, optInState } = row
  return {
    id: row.id,
    member: memberId === null || firstName === null || lastName === null || optInState === null ? null : { id: memberId, firstName, lastName, optInState },
    phone: fields.decrypt(row.addressCipher),
    channel: row.channel,
    ourNumber: row.ourNumber,
    status: row.status,
    unreadCount: row.unreadCount,
    needsAttention: row.needsAttention,
    lastMessageAt: toTimestamp(row.lastMessageAt),
    lastMessagePreview: row.lastMessagePreview,
    createdAt: toTimestamp(row.createdAt)
  }
}

export function messageToWire (row: ConversationMessageRow): ConversationMessage {
  return {
    id: row.id,
    direction: row.direction,
    text: row.text,
    // Written by insertInbound and insertOutbound alone, in this shape.
    media: row.media as unknown as InboundMedia[],
    status: row.direction === 'inbound' ? 'received' : row.status ?? 'unknown',
    error: row.errorCode === null ? null : { code: row.errorCode, detail: row.errorDetail },
    keyword: row.keyword,
    messageId: row.messageId,
    sentBy: row.sentBy,
    sentAt: toTimestamp(row.sentAt)
  }
}
