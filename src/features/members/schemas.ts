// The wire of members.
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { nullable, Timestamp, TimeZone, Uuid } from '../../http/wire.js'
import { customKeyPattern, mostCustom } from './custom-fields.js'

const FirstName = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', examples: ['Ada'] })
const LastName = Type.String({ maxLength: 100, examples: ['Okafor'] })
const Phone = Type.String({ minLength: 1, maxLength: 40, description: 'In any spelling; without a country code it is taken to be in the country of GET /api/settings/phones.', examples: ['(615) 555-0123'] })
const Email = Type.String({ format: 'email', maxLength: 254, examples: ['ada@example.org'] })
const Birthday = Type.String({ format: 'date', examples: ['1990-04-23'] })
const BranchIds = Type.Array(Uuid, { maxItems: 100 })
const TagName = Type.String({ minLength: 1, maxLength: 50, pattern: '\\S', examples: ['choir'] })
const TagNames = Type.Array(TagName, { maxItems: 100, description: 'Names, whatever their case; a tag that does not exist yet is made.' })
const Custom = Type.Record(Type.String({ pattern: `^${customKeyPattern}$` }), Type.Unknown(), {
  additionalProperties: false, maxProperties: 50, description: `Fields of your own, of ${mostCustom / 1_000} KB as JSON in all.`, examples: [{ household: 'Okafor' }]
})

const OptInState = Type.Enum(['pending', 'opted_in', 'opted_out'], { description: 'Only opted_in members get broadcasts.' })
export type OptInState = Static<typeof OptInState>

export const ConsentSource = Type.Enum(['keyword', 'form', 'import', 'admin', 'api'], { description: 'How the person said so.', examples: ['form'] })
export const Note = Type.String({ maxLength: 1_000, description: 'Kept as evidence.', examples: ['Connection card, 1 March'] })
const OptIn = Type.Object({ source: ConsentSource, note: Type.Optional(Note) }, {
  additionalProperties: false, description: 'The person agreed to get texts. Someone who has opted out stays opted out: only they can opt in again, by texting START.'
})
export type OptIn = Static<typeof OptIn>

export const Member = Type.Object({
  id: Uuid,
  firstName: Type.String({ examples: ['Ada'] }),
  lastName: Type.String({ examples: ['Okafor'] }),
  phone: Type.String({ description: 'E.164', examples: ['+16155550123'] }),
  email: nullable(Type.String({ examples: ['ada@example.org'] })),
  birthday: nullable(Birthday),
  optInState: Type.String({ enum: ['pending', 'opted_in', 'opted_out'], description: 'Only opted_in members get broadcasts.' }),
  branches: Type.Array(Type.Object({ id: Uuid, name: Type.String({ examples: ['North Campus'] }) })),
  tags: Type.Array(Type.String({ examples: ['choir'] })),
  timeZone: nullable(Type.String({ description: 'Null: that of the organization.', examples: ['America/Chicago'] })),
  custom: Type.Record(Type.String(), Type.Unknown(), { examples: [{ household: 'Okafor' }] }),
  createdAt: Timestamp,
  updatedAt: Timestamp
})
export type Member = Static<typeof Member>

const optionalFields = {
  email: Type.Optional(nullable(Email)),
  birthday: Type.Optional(nullable(Birthday)),
  branchIds: Type.Optional(BranchIds),
  tags: Type.Optional(TagNames),
  timeZone: Type.Optional(nullable(TimeZone)),
  custom: Type.Optional(Custom),
  optIn: Type.Optional(OptIn)
}

export const NewMember = Type.Object({
  firstName: FirstName, lastName: LastName, phone: Phone, ...optionalFields
}, { additionalProperties: false })
export type NewMember = Static<typeof NewMember>

export const MemberChanges = Type.Object({
  firstName: Type.Optional(FirstName),
  lastName: Type.Optional(LastName),
  phone: Type.Optional(Phone),
  ...optionalFields,
  optOut: Type.Optional(Type.Object({ note: Type.Optional(Note) }, {
    additionalProperties: false, description: 'The person asked, other than by text, to get no more. What waits to be sent to them is cancelled.'
  }))
}, { additionalProperties: false, minProperties: 1, examples: [{ phone: '(615) 555-0187', tags: ['choir', 'ushers'] }, { optOut: { note: 'Asked at the door, 1 March' } }] })
export type MemberChanges = Static<typeof MemberChanges>

export const MemberQuery = Type.Object({
  search: Type.Optional(Type.String({ maxLength: 200, description: 'Parts of names or of the e-mail address, or a whole phone number in any spelling.' })),
  branchId: Type.Optional(Uuid),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: 50 })),
  optInState: Type.Optional(OptInState),
  ...pageQuery
})
export type MemberQuery = Static<typeof MemberQuery>
