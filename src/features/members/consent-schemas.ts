// The wire of consent.
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { Timestamp, Uuid } from '../../http/wire.js'
import { ConsentSource, Note } from './schemas.js'

export const topicForm = { pattern: '^[a-z][a-z0-9-]*$', maxLength: 50 }
export const Topic = Type.String({
  ...topicForm, description: 'messages: texts in general. Any other name is a topic of your own, such as prayer-requests.', examples: ['prayer-requests']
})

export const ConsentEntry = Type.Object({
  id: Uuid,
  topic: Topic,
  action: Type.String({ enum: ['granted', 'denied', 'withdrawn'] }),
  source: ConsentSource,
  evidence: Type.Record(Type.String(), Type.Unknown(), {
    description: 'By text: the words, when they came and the carrier\'s id of the text. By an admin: their note, who they are, the address and the request.',
    examples: [{ words: 'STOP', providerMessageId: '40385f64-5717-4562-b3fc-2c963f66afa6', receivedAt: '2026-03-01T17:00:00.000Z' }]
  }),
  currentNumber: Type.Boolean({ description: 'False: said under a number the member had before. Only words of the current number count.', examples: [true] }),
  createdAt: Timestamp
})
export type ConsentEntry = Static<typeof ConsentEntry>

export const ConsentListQuery = Type.Object({ topic: Type.Optional(Topic), ...pageQuery })
export type ConsentListQuery = Static<typeof ConsentListQuery>

export const NewConsent = Type.Object({
  topic: Type.Optional(Topic),
  action: Type.Enum(['granted', 'withdrawn']),
  source: Type.Enum(['form', 'import', 'admin', 'api'], { description: 'How the person said so. Texts are put on record by themselves.', examples: ['form'] }),
  note: Type.Optional(Note)
}, { additionalProperties: false, examples: [{ topic: 'prayer-requests', action: 'withdrawn', source: 'admin', note: 'Asked after the service, 1 March' }] })
export type NewConsent = Static<typeof NewConsent>
