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
  assignedTo: nullable(Type.String({ format: 'uuid', description: 'The admin who sees to it; null: nobody in particular.', examples: [null] })),
  snoozedUntil: nullable(Type.String({ format: 'date-time', description: 'Put off until then, or until they write.', examples: [null] })),
  lastMessageAt: Timestamp,
  lastMessagePreview: Type.String({ examples: ['Can I bring a friend?'] }),
  createdAt: Timestamp
})
export type Conversation = Static<typeof Conversation>

const AssignedTo = Type.String({ pattern: '^(me|nobody|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$', description: '`me`, `nobody`, or an admin\'s id.', examples: ['nobody'] })

export const ConversationQuery = Type.Object({
  ...pageQuery,
  status: Type.Optional(ConversationStatus),
  unread: Type.Optional(Type.Boolean({ description: 'Only those with unread texts, or only those without.' })),
  needsAttention: Type.Optional(Type.Boolean({ description: 'Only those that call for a person, or only those that do not.' })),
  assignedTo: Type.Optional(AssignedTo),
  snoozed: Type.Optional(Type.Boolean({ description: 'Only those that are put off, or only those that are not. Both by default.' })),
  search: Type.Optional(Type.String({ maxLength: 100, description: 'Words of a member\'s name or e-mail, words of one text or note, or a whole phone number.' }))
})
export type ConversationQuery = Static<typeof ConversationQuery>

export const ConversationChanges = Type.Object({
  status: Type.Optional(ConversationStatus),
  needsAttention: Type.Optional(Type.Null({ description: 'Null: seen to.' })),
  unread: Type.Optional(Type.Boolean({ description: 'False: all read. True: for somebody to look at again.' })),
  assignedTo: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', description: 'The admin who sees to it, or null.' })),
  snoozedUntil: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description: 'Put it off until then, or null: not any more. A text of theirs brings it back at once.' }))
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
  kind: Type.String({ enum: ['message', 'note'], description: 'note: for admins alone, sent to nobody.' }),
  direction: Type.String({ enum: ['inbound', 'outbound', 'internal'] }),
  text: Type.String({ examples: ['Can I bring a friend?'] }),
  media: Type.Array(Media, { examples: [[]] }),
  status: Type.String({
    enum: ['received', 'queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed', 'unknown', 'cancelled', 'internal'],
    description: 'received: from them to us. internal: a note. All others: how far ours has come.'
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
  sentAt: Timestamp,
  reactionTo: nullable(Type.String({ format: 'uuid', description: 'Of a text such as Liked “…”: the message that it is a reaction to.', examples: [null] })),
  reactions: Type.Array(Type.Object({
    reaction: Type.String({ examples: ['👍'] }),
    adminId: nullable(Type.String({ format: 'uuid', description: 'Null: their own.', examples: [null] }))
  }), { examples: [[]] })
})
export type ConversationMessage = Static<typeof ConversationMessage>

export const Reply = Type.Object({
  text: Type.Optional(Type.String({ maxLength: 1_600, description: 'Required, unless there are mediaUrls or mediaIds.', examples: ['See you on Sunday!'] })),
  mediaIds: Type.Optional(MediaIds),
  mediaUrls: Type.Optional(Type.Array(Type.String({ format: 'uri', pattern: '^https?://', maxLength: 2_000 }), { maxItems: 10, description: 'Pictures and files, fetched by the carrier.' }))
}, { additionalProperties: false })
export type Reply = Static<typeof Reply>

export const Note = Type.Object({ text: Type.String({ minLength: 1, maxLength: 5_000, pattern: '\\S', examples: ['Asked for a visit; Ruth calls her on Monday.'] }) }, { additionalProperties: false })

export const MessageParams = Type.Object({ id: Uuid, messageId: Uuid })

export const NewReaction = Type.Object({ reaction: Type.String({ minLength: 1, maxLength: 16, pattern: '^\\S+$', description: 'An emoji.', examples: ['👍'] }) }, { additionalProperties: false })

export const BulkChange = Type.Object({
  ids: Type.Optional(Type.Array(Uuid, { minItems: 1, maxItems: 500, description: 'All of these, or none when one is unknown.' })),
  filter: Type.Optional(Type.Object({
    status: Type.Optional(ConversationStatus),
    unread: Type.Optional(Type.Boolean()),
    needsAttention: Type.Optional(Type.Boolean()),
    assignedTo: Type.Optional(AssignedTo),
    silentSince: Type.Optional(Type.String({ format: 'date-time', description: 'No text since then.', examples: ['2026-03-01T17:00:00.000Z'] }))
  }, { additionalProperties: false, minProperties: 1, description: 'Instead of ids: those that fit all of it and are not put off.' })),
  set: Type.Object({
    status: Type.Optional(Type.Enum(['closed', 'archived'])),
    assignedTo: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid' })),
    unread: Type.Optional(Type.Boolean())
  }, { additionalProperties: false, minProperties: 1, examples: [{ status: 'closed', unread: false }] })
}, { additionalProperties: false, examples: [{ filter: { status: 'open', unread: false, silentSince: '2026-03-01T17:00:00.000Z' }, set: { status: 'closed' } }] })
export type BulkChange = Static<typeof BulkChange>

export const BulkResult = Type.Object({
  changed: Type.Integer({ minimum: 0, description: 'How many were different before.', examples: [12] }),
  more: Type.Boolean({ description: 'True: more than 500 fit the filter. Call again for the rest.', examples: [false] })
})
