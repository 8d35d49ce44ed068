// The wire of segments.
import { type Static, Type } from 'typebox'
import { Timestamp, Uuid } from '../../http/wire.js'
import { Member } from '../members/schemas.js'
import { type Condition, conditionExample, SegmentFilter } from './filter-schema.js'

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', description: 'Unique whatever its case.', examples: ['Choir, never wrote back'] })
const MemberCount = Type.Integer({ description: 'Members that fit, whatever their consent.', examples: [24] })
const OptedInCount = Type.Integer({ description: 'Those among them who have opted in: who a message would go to.', examples: [22] })

/** As it was saved: an answer need not be checked against every kind of condition again. */
const SavedFilter = Type.Object({
  match: Type.String({ description: 'all or any.', examples: ['all'] }),
  conditions: Type.Array(Type.Unsafe<Condition>({ type: 'object', additionalProperties: true, description: 'As in createSegment.', examples: [conditionExample] }))
})

const segmentFields = { id: Uuid, name: Name, filter: SavedFilter, createdAt: Timestamp, updatedAt: Timestamp }

export const Segment = Type.Object(segmentFields)
export type Segment = Static<typeof Segment>

export const SegmentWithSize = Type.Object({ ...segmentFields, memberCount: MemberCount, optedInCount: OptedInCount })
export type SegmentWithSize = Static<typeof SegmentWithSize>

export const NewSegment = Type.Object({ name: Name, filter: SegmentFilter }, { additionalProperties: false })
export type NewSegment = Static<typeof NewSegment>

export const SegmentChanges = Type.Object({ name: Type.Optional(Name), filter: Type.Optional(SegmentFilter) }, {
  additionalProperties: false, minProperties: 1, examples: [{ name: 'Choir' }]
})
export type SegmentChanges = Static<typeof SegmentChanges>

export const SegmentTrial = Type.Object({ filter: SegmentFilter }, { additionalProperties: false })

export const SegmentPreview = Type.Object({ memberCount: MemberCount, optedInCount: OptedInCount, sample: Type.Array(Member, { description: 'The first ten, by last name.' }) })
export type SegmentPreview = Static<typeof SegmentPreview>
