// The wire of conversations.
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'
import { MediaIds } from '../messages/schemas.js'

const ConversationStatus = Type.Enum(['open', 'closed', 'archived'], { description: 'A text that comes after closing opens a new conversation.' })

export const Conversation = Type.Object({
  id: Uuid,
  member: Type.Unsafe<{ id: string, firstName: string, lastName: string, optInState: string } | null>({
    type: ['object', 'null'],
    description: 'Null for a number that no member has.',
    required: ['id', 'firstName', 'lastName', 'optInState'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      firstName: { type: 'string', examples: ['Ada'] },
      lastName: { type: 'string', examples: ['Okafor'] },
      optInState: { type: 'string', enum: ['pending', 'opted_in', 'opted_out'], examples: ['opted_in'] }
    }
  }),
  phone: Type.String({ description: 'Whom the conversation is with: E.164, or a short code as the carrier gives it.', examples: ['+16155550123'] }),
  channel: Type.String({ enum: ['sms', 'whatsapp', 'voice', 'email', 'web'] }),
  ourNumber: Type.String({ description: 'The number they texted last; replies leave from it.', examples: ['+16155550100'] }),
  status: Type.String({ enum: ['open', 'closed', 'archived'] }),
  unreadCount: Type.Integer({ minimum: 0, examples: [1] }),
  needsAttention: nullable(Type.String({ enum: ['stop_request', null], description: 'stop_request: they may have asked for no more texts in words of their own. Set it to null when you have seen to it.', examples: [null] })),
  lastMessageAt: Timestamp,
  lastMessagePreview: Type.String({ examples: ['Can I bring a friend?'] }),
  createdAt: Timestamp
})
export type Conversation = Static<typeof Conversation>

export const ConversationQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(ConversationStatus),
  unread: Type.Optional(Type.Boolean({ description: 'Only those with unread texts, or only those without.' })),
  needsAttention: Type.Optional(Type.Boolean({ description: 'Only those that call for a person, or only those that do not.' })),
  search: Type.Optional(Type.String({ maxLength: 100, description: 'Words of a member\'s name or e-mail, or a whole phone number.' }))
})
export type ConversationQuery = Static<typeof ConversationQuery>

export const ConversationChanges = Type.Object({
  status: Type.Optional(ConversationStatus),
  needsAttention: Type.Optional(Type.Null({ description: 'Null: seen to.' })),
  unread: Type.Optional(Type.Literal(false, { description: 'False: all read.' }))
}, { additionalProperties: false, minProperties: 1, examples: [{ status: 'closed', unread: false }, { needsAttention: null }] })
export type ConversationChanges = Static<typeof ConversationChanges>

const Media = Type.Object({
  url: nullable(Type.String({ description: 'Where it can be fetched: at this API for files of ours, else where the sender or the carrier has it. Null when it is deleted.', examples: ['/api/media/0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70/content'] })),
  mediaId: nullable(Type.String({ format: 'uuid', description: 'The file of ours: GET /api/media/:id.' })),
  state: Type.String({ enum: ['external', 'pending', 'stored', 'failed', 'deleted'], description: 'stored: a file of ours. external: not ours. pending: being copied from the carrier. failed: could not be copied, see reason. deleted: it was ours.', examples: ['stored'] }),
  reason: nullable(Type.String({ description: 'Why it failed.', examples: [null] })),
  contentType: nullable(Type.String({ examples: ['image/jpeg'] })),
  size: nullable(Type.Integer({ description: 'In bytes.', examples: [48_213] }))
})

export const ConversationMessage = Type.Object({
  id: Uuid,
  direction: Type.String({ enum: ['inbound', 'outbound'] }),
  text: Type.String({ examples: ['Can I bring a friend?'] }),
  media: Type.Array(Media, { examples: [[]] }),
  status: Type.String({
    enum: ['received', 'queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed', 'unknown', 'cancelled'],
    description: 'received: from them to us. All others: how far ours has come.'
  }),
  error: Type.Unsafe<{ code: string, detail: string | null } | null>({
    type: ['object', 'null'],
    description: 'Why it failed or was held back.',
    examples: [null],
    required: ['code', 'detail'],
    properties: { code: { type: 'string' }, detail: { type: ['string', 'null'] } }
  }),
  keyword: nullable(Type.String({ enum: ['stop', 'start', 'help', 'custom', null], description: 'The keyword this text is, or answers by itself; custom: one of GET /api/keywords.', examples: [null] })),
  messageId: nullable(Type.String({ format: 'uuid', description: 'Of ours: GET /api/messages/:id.', examples: [null] })),
  sentBy: nullable(Type.String({ format: 'uuid', description: 'The admin who wrote it; null for theirs and for automatic answers.', examples: [null] })),
  sentAt: Timestamp
})
export type ConversationMessage = Static<typeof ConversationMessage>

export const Reply = Type.Object({
  text: Type.Optional(Type.String({ maxLength: 1_600, description: 'Required, unless there are mediaUrls or mediaIds.', examples: ['See you on Sunday!'] })),
  mediaIds: Type.Optional(MediaIds),
  mediaUrls: Type.Optional(Type.Array(Type.String({ format: 'uri', pattern: '^https?://', maxLength: 2_000 }), { maxItems: 10, description: 'Pictures and files, fetched by the carrier.' }))
}, { additionalProperties: false })
export type Reply = Static<typeof Reply>
