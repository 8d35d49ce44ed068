// The wire of events: what each type carries, and how a stream of them reads.
import { type Readable } from 'node:stream'
import { Type } from 'typebox'

export const eventTypes = ['message.progress', 'message.received', 'conversation.changed', 'import.progress', 'dead_letter.added'] as const

type Counts = Partial<Record<string, number>>

/** Ids and counts alone: whoever may see words and numbers asks for them. */
export type NewEvent =
  /** `changed`: recipients that came to a status since the last event. `status`: of the message, when that changed. */
  | { type: 'message.progress', data: { messageId: string, status?: string, changed?: Counts } }
  | { type: 'message.received', data: { conversationId: string, conversationMessageId: string } }
  | { type: 'conversation.changed', data: { conversationId: string } }
  | { type: 'import.progress', data: { importId: string, status: string, counts: Counts } }
  | { type: 'dead_letter.added', data: { count: number } }

const listed = eventTypes.join('|').replaceAll('.', '\\.')

export const EventQuery = Type.Object({
  types: Type.Optional(Type.String({
    pattern: `^(${listed})(,(${listed}))*$`,
    maxLength: 200,
    description: `Only these, separated by commas: ${eventTypes.join(', ')}. All by default.`,
    examples: ['message.received,conversation.changed']
  }))
})

export const EventHeaders = Type.Object({
  'last-event-id': Type.Optional(Type.String({ maxLength: 100, description: 'The id of the last event you got: what came after it comes first.', examples: ['41'] }))
})

export const eventAnswers = {
  200: {
    description: 'A stream that ends with your access token, your session, or the service. Connect again with Last-Event-ID.',
    content: {
      'text/event-stream': {
        schema: Type.Unsafe<Readable>({ type: 'string', examples: ['retry: 3120\nid: 41\n\nid: 42\nevent: conversation.changed\ndata: {"conversationId":"0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70"}\n\n'] })
      }
    }
  }
}
