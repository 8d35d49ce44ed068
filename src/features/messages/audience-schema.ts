// The wire of audiences: who a message is for.
import { type Static, Type } from 'typebox'
import { Uuid } from '../../http/wire.js'

const mostChosen = 10_000

const MemberIds = Type.Array(Uuid, { minItems: 1, maxItems: mostChosen })
const BranchIds = Type.Array(Uuid, { minItems: 1, maxItems: 100 })
const TagNames = Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { minItems: 1, maxItems: 100 })

const Except = Type.Object({
  memberIds: Type.Optional(MemberIds),
  branchIds: Type.Optional(BranchIds),
  tags: Type.Optional(TagNames),
  segmentIds: Type.Optional(Type.Array(Uuid, { minItems: 1, maxItems: 20 }))
}, { additionalProperties: false, minProperties: 1, description: 'Who is left out though chosen: whoever is in any of these.' })
export type Except = Static<typeof Except>

const except = { except: Type.Optional(Except) }
const All = Type.Object({ all: Type.Literal(true), ...except }, { additionalProperties: false, description: 'Every member who has opted in, and to the message\'s topic, if it names one; likewise with branches, tags and segments.' })
const Members = Type.Object({ memberIds: MemberIds, ...except }, {
  additionalProperties: false, description: 'These members. Those among them who have not opted in, or not to the topic, are listed as suppressed and get nothing.'
})
const Branches = Type.Object({ branchIds: BranchIds, ...except }, { additionalProperties: false, description: 'The opted-in members of any of these branches.' })
const Tags = Type.Object({ tags: TagNames, ...except }, { additionalProperties: false, description: 'The opted-in members with any of these tags, whatever their case.' })
const Segment = Type.Object({ segmentId: Uuid, ...except }, { additionalProperties: false, description: 'The opted-in members that fit this saved segment.' })

export const Audience = Type.Union([All, Members, Branches, Tags, Segment], {
  description: 'Who gets it, as of the moment it leaves; nobody gets it twice.', examples: [{ tags: ['choir'] }]
})
export type Audience = Static<typeof Audience>
