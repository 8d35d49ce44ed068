// The wire of numbers.
import { type Static, Type } from 'typebox'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'

const PhoneNumber = Type.String({ description: 'E.164', examples: ['+16155550123'] })

export const AvailableNumbers = Type.Object({
  items: Type.Array(Type.Object({
    phoneNumber: PhoneNumber,
    locality: nullable(Type.String({ examples: ['NASHVILLE'] })),
    region: nullable(Type.String({ examples: ['TN'] })),
    capabilities: Type.Array(Type.String({ examples: ['sms'] })),
    monthlyCostCents: nullable(Type.Integer({ examples: [100] }))
  })),
  nextCursor: Type.Null()
})
export type AvailableNumbers = Static<typeof AvailableNumbers>

export const AvailableQuery = Type.Object({
  areaCode: Type.Optional(Type.String({ description: 'Three digits.', examples: ['615'] })),
  limit: Type.Integer({ minimum: 1, maximum: 50, default: 10 })
})

export const OwnNumber = Type.Object({
  id: Uuid,
  phoneNumber: PhoneNumber,
  status: Type.String({ enum: ['pending', 'active', 'failed', 'disconnected'], description: 'Only an active number sends and receives.' }),
  statusDetail: nullable(Type.String({ description: 'What a pending number waits for, or why a failed one failed.' })),
  capabilities: Type.Array(Type.String({ examples: ['sms'] })),
  createdAt: Timestamp,
  updatedAt: Timestamp
})
export type OwnNumber = Static<typeof OwnNumber>

export const NumberWanted = Type.Object({
  phoneNumber: Type.String({ minLength: 1, maxLength: 40, description: 'One of GET /api/numbers/available.', examples: ['+16155550123'] })
}, { additionalProperties: false })
