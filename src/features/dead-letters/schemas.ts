// The wire of dead letters.
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'

const Category = Type.Enum(['sms_send', 'webhook_inbound', 'subscription_update', 'payment', 'integration'], {
  description: 'sms_send: nobody knows whether a text left. webhook_inbound: an event of the carrier that could not be worked off.'
})

export const DeadLetterQuery = Type.Object({
  status: Type.Optional(Type.Enum(['pending', 'resolved', 'dead'], { description: 'pending: waits for a decision. dead: dismissed.' })),
  category: Type.Optional(Category),
  ...pageQuery
})

const fields = {
  id: Uuid,
  category: Type.String({ examples: ['sms_send'] }),
  status: Type.String({ description: 'pending, resolved or dead.', examples: ['pending'] }),
  error: Type.String({ description: 'Why nobody knows, or what went wrong.', examples: ['timeout'] }),
  attempts: Type.Integer({ examples: [1] }),
  messageId: nullable(Uuid),
  memberId: nullable(Uuid),
  phone: nullable(Type.String({ description: 'E.164', examples: ['+16155550123'] })),
  textStatus: nullable(Type.String({ description: 'What is known of the text by now, as in GET /api/messages/:id/recipients; null when it is about something else.', examples: ['unknown'] })),
  resentMessageId: nullable(Type.String({ format: 'uuid', description: 'The message that sends it once more.', examples: [null] })),
  outcome: nullable(Type.String({ description: 'settled (the carrier reported after all), resent, delivered, failed, handled or dismissed.', examples: [null] })),
  note: nullable(Type.String({ examples: [null] })),
  resolvedBy: nullable(Type.String({ format: 'uuid', description: 'The admin who decided; null when the carrier\'s report did.', examples: [null] })),
  addedAt: Timestamp,
  resolvedAt: nullable(Type.String({ format: 'date-time', examples: [null] }))
}

export const DeadLetter = Type.Object(fields)
export type DeadLetter = Static<typeof DeadLetter>

export const DeadLetterDetail = Type.Object({ ...fields, payload: nullable(Type.String({ description: 'The event as it came.', examples: [null] })) })
export type DeadLetterDetail = Static<typeof DeadLetterDetail>

export const Decision = Type.Object({
  outcome: Type.Enum(['delivered', 'failed', 'handled', 'dismissed'], {
    description: 'delivered, failed: what became of a text, as somebody found out. handled: seen to elsewhere. dismissed: nothing will be done.', examples: ['delivered']
  }),
  note: Type.Optional(Type.String({ maxLength: 1_000, pattern: '^[^\\u0000]*$', examples: ['She has it.'] }))
}, { additionalProperties: false })
export type Decision = Static<typeof Decision>
