// The wire of tags.
import { type Static, Type } from 'typebox'
import { Timestamp, Uuid } from '../../http/wire.js'

export const Tag = Type.Object({ id: Uuid, name: Type.String({ examples: ['choir'] }), memberCount: Type.Integer({ examples: [24] }), createdAt: Timestamp })
export type Tag = Static<typeof Tag>

export const TagFields = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 50, pattern: '\\S', description: 'Unique whatever its case.', examples: ['choir'] })
}, { additionalProperties: false })
