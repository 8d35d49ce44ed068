// The wire of topics.
import { type Static, Type } from 'typebox'
import { Timestamp } from '../../http/wire.js'

export const Topic = Type.Object({
  name: Type.String({ description: 'messages: texts in general.', examples: ['prayer-requests'] }),
  createdAt: Timestamp
})
export type Topic = Static<typeof Topic>
