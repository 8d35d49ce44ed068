// The wire of messages.
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'
import { Audience } from './audience-schema.js'
import { topicForm } from '../members/consent-schemas.js'
import { knownVariables } from '../templates/variables.js'
import { recipientStates } from './states.js'

const Text = Type.String({
  maxLength: 5_000,
  // A zero byte: no database text can hold it.
  pattern: '^[^\\u0000]*$',
  description: `At most ten parts: 1,530 characters of the GSM-7 alphabet, 670 with any other. With variables: ${knownVariables}; {{firstName|friend}} says friend where there is no value, \\{{ stands for two braces.`,
  examples: ['Service starts at 10 this Sunday. See you there!']
})
const MediaUrls = Type.Array(Type.String({ pattern: '^https?://[^\\s\\u0000]+$', maxLength: 2_000 }), { maxItems: 10, description: 'Pictures and the like, fetched by the carrier; less than 600 KB in all arrives everywhere.' })

export const MediaIds = Type.Array(Uuid, { maxItems: 10, description: 'Files of POST /api/media; ten at most together with mediaUrls, and 1 MB in all.' })

/** Of a message that is to be. */
export const MessageTopic = Type.String({
  ...topicForm,
  description: 'It goes only to those among its audience who have consented to this topic, one of GET /api/topics. Without it, or as messages: to all who are opted in.',
  examples: ['prayer-requests']
})

const wallTime = {
  date: Type.String({ format: 'date', examples: ['2026-03-01'] }),
  time: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'HH:MM', examples: ['09:00'] })
}

export const NewMessage = Type.Object({
  text: Type.Optional(Text),
  templateId: Type.Optional(Type.String({ format: 'uuid', description: 'Says what the template says now; text and smartReplace, if given, take the place of the template\'s.' })),
  smartReplace: Type.Optional(Type.Boolean({ description: 'Send curly quotes, dashes and the like as their plain counterparts, in the text and in what variables say.' })),
  mediaUrls: Type.Optional(MediaUrls),
  mediaIds: Type.Optional(MediaIds),
  to: Audience,
  topic: Type.Optional(MessageTopic),
  sendAt: Type.Optional(Type.String({ format: 'date-time', description: 'When it leaves, to whoever is in the audience by then; without it, or in the past, at once.', examples: ['2026-03-01T17:00:00Z'] })),
  sendAtLocal: Type.Optional(Type.Object(wallTime, {
    additionalProperties: false,
    description: 'Instead of sendAt: a time on each recipient\'s own clocks. It starts when it is that time somewhere first; where it has passed already, the text leaves at once. Refused when it has passed everywhere.'
  })),
  sendBefore: Type.Optional(Type.String({
    format: 'date-time',
    description: 'A deadline, five minutes after the start at the earliest. Whoever can\'t be texted before it, because of quiet hours or the number\'s rate, is not: they are listed as cancelled, with errorCode too_late.'
  }))
}, {
  additionalProperties: false,
  examples: [
    { text: 'Service starts at 10 this Sunday. See you there!', to: { all: true } },
    { text: 'Hi {{firstName|friend}}, we missed you.', to: { all: true, except: { tags: ['choir'] } } },
    { text: 'Rehearsal moved to 7 pm.', mediaUrls: ['https://example.org/map.png'], to: { tags: ['choir'] }, sendAt: '2026-03-01T17:00:00Z' }
  ]
})
export type NewMessage = Static<typeof NewMessage>

export const RecipientStatus = Type.Enum([...recipientStates], {
  description: 'unknown: the carrier may or may not have it; settled by its report, never by sending again. suppressed: had not opted in, or not to the topic.'
})

const Counts = Type.Object(Object.fromEntries(recipientStates.map((state) => [state, Type.Integer({ examples: [state === 'delivered' ? 118 : 0] })])) as Record<typeof recipientStates[number], ReturnType<typeof Type.Integer>>, {
  description: 'Recipients by status; none before it starts.'
})

/** Why a message as a whole went to nobody. */
export type MessageFailure = 'audience_empty'

const MessageKind = Type.Enum(['broadcast', 'reply', 'welcome', 'auto_reply', 'confirmation'])

const messageFields = {
  id: Uuid,
  kind: Type.String({ description: 'broadcast, reply, welcome, auto_reply or confirmation.', examples: ['broadcast'] }),
  status: Type.String({ description: 'scheduled until its time; sending; paused; sent, when nothing of it waits any more; cancelled; failed when it could not start. Of a paused or cancelled one counts.sending still goes out: a worker had them. Later also draft.', examples: ['sent'] }),
  text: Type.String({ description: 'With its variables, if it has any; each recipient\'s own is in the list of recipients.', examples: ['Service starts at 10 this Sunday. See you there!'] }),
  mediaUrls: Type.Array(Type.String({ examples: ['https://example.org/map.png'] })),
  mediaIds: Type.Array(Uuid, { description: 'Files of yours: GET /api/media/:id.' }),
  from: Type.String({ description: 'E.164, a number of the organization.', examples: ['+16155550100'] }),
  topic: Type.String({ description: 'messages: texts in general.', examples: ['messages'] }),
  counts: Counts,
  sendAt: nullable(Timestamp),
  sendBefore: nullable(Timestamp),
  sendAtLocal: nullable(Type.Object(wallTime, { examples: [null] })),
  errorCode: nullable(Type.String({ description: 'Why it failed. audience_empty: at its time nobody in the audience had opted in.', examples: [null] })),
  retryOf: nullable(Type.String({ format: 'uuid', description: 'The message whose failed recipients this one texts again.', examples: [null] })),
  createdAt: Timestamp,
  updatedAt: Timestamp
}

export const Message = Type.Object(messageFields)
export type Message = Static<typeof Message>

export const MessageWithAudience = Type.Object({
  ...messageFields,
  to: Type.Unsafe<Audience | null>({ anyOf: [...Audience.anyOf, { type: 'null' }], examples: [{ all: true }], description: 'Who was asked for; null for a text to one person.' }),
  templateId: nullable(Type.String({ format: 'uuid', description: 'Made from this template.', examples: [null] })),
  smartReplace: Type.Boolean({ description: 'Whether curly quotes, dashes and the like are sent as their plain counterparts.', examples: [false] }),
  deferred: nullable(Type.Object({ count: Type.Integer({ examples: [12] }), from: Timestamp, until: Timestamp }, {
    description: 'What quiet hours have put off: how many texts, and when the first and the last of them may leave.', examples: [null]
  })),
  audienceSize: nullable(Type.Integer({ description: 'How many would get it if it left now; null once it has started. Who does is settled when it leaves.', examples: [null] }))
})
export type MessageWithAudience = Static<typeof MessageWithAudience>

export const RetryFailed = Type.Object({
  reasons: Type.Optional(Type.Enum(['temporary', 'any'], {
    default: 'temporary', description: 'temporary: only those whose failure may pass, such as a full queue at the carrier. any: also those the carrier refused for good.'
  }))
}, { additionalProperties: false, examples: [{ reasons: 'any' }] })

/** Or no body at all. */
export const RetryBody = Type.Optional(Type.Union([Type.Null(), RetryFailed]))

export const MessageQuery = Type.Object({ kind: Type.Optional({ ...MessageKind, default: 'broadcast', description: 'Without it: broadcasts.' }), ...pageQuery })

export const RecipientQuery = Type.Object({ status: Type.Optional(RecipientStatus), ...pageQuery })

export const Recipient = Type.Object({
  memberId: nullable(Uuid),
  firstName: nullable(Type.String({ examples: ['Ada'] })),
  lastName: nullable(Type.String({ examples: ['Okafor'] })),
  phone: Type.String({ description: 'E.164', examples: ['+16155550123'] }),
  text: nullable(Type.String({ description: 'What this one gets, where the message has variables; null otherwise, and when it could not be sent.', examples: ['Hi Ada, we missed you.'] })),
  status: Type.String({ enum: [...recipientStates], examples: ['delivered'] }),
  parts: Type.Integer({ description: 'What the carrier bills.', examples: [1] }),
  encoding: Type.String({ enum: ['gsm7', 'ucs2'] }),
  errorCode: nullable(Type.String({ description: 'The carrier\'s, or ours: opted_out, not_opted_in, topic_opted_out, topic_not_opted_in, text_too_long, text_empty, member_deleted, message_cancelled, too_late, worker_lost, carrier_unreachable, timeout.' })),
  errorDetail: nullable(Type.String()),
  sentAt: nullable(Timestamp),
  deliveredAt: nullable(Timestamp),
  failedAt: nullable(Type.String({ format: 'date-time', examples: [null] }))
})
export type Recipient = Static<typeof Recipient>
