// Rows as the wire has them: the address decrypted, field by field so that nothing else gets out.
import { type FieldCrypto } from '../../crypto/fields.js'
import { toTimestamp } from '../../http/wire.js'
import { contentPath } from '../media/to-wire.js'
import { type ConversationMessageRow, type ConversationRow } from './inbox-queries.js'
import { type Conversation, type ConversationMessage } from './schemas.js'
import { readStoredMedia, type StoredMedia } from './stored-media.js'

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
    assignedTo: row.assignedTo,
    snoozedUntil: row.snoozedUntil && toTimestamp(row.snoozedUntil),
    lastMessageAt: toTimestamp(row.lastMessageAt),
    lastMessagePreview: row.lastMessagePreview,
    createdAt: toTimestamp(row.createdAt)
  }
}

export function messageToWire (row: ConversationMessageRow): ConversationMessage {
  return {
    id: row.id,
    kind: row.direction === 'internal' ? 'note' : 'message',
    direction: row.direction,
    text: row.text,
    media: readStoredMedia(row.media).map(mediaToWire),
    status: statusOf(row),
    error: row.errorCode === null ? null : { code: row.errorCode, detail: row.errorDetail },
    keyword: row.keyword,
    messageId: row.messageId,
    sentBy: row.sentBy,
    sentAt: toTimestamp(row.sentAt),
    reactionTo: row.reactionTo,
    reactions: row.reactions
  }
}

function statusOf ({ direction, status }: ConversationMessageRow): ConversationMessage['status'] {
  if (direction === 'outbound') return status ?? 'unknown'
  return direction === 'inbound' ? 'received' : 'internal'
}

function mediaToWire ({ url, contentType, size, mediaId = null, state = 'external', reason = null }: StoredMedia): ConversationMessage['media'][number] {
  return { url: mediaId === null ? state === 'deleted' ? null : url : contentPath(mediaId), mediaId, state, reason, contentType, size }
}
