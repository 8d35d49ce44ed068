// The wire of a segment's filter: conditions on members, all or any of which must be true.
import { type Static, Type } from 'typebox'
import { Timestamp, TimeZone, Uuid } from '../../http/wire.js'

const condition = <Fields extends Parameters<typeof Type.Object>[0]>(fields: Fields, description: string) => Type.Object(fields, { additionalProperties: false, description })
const listOps = Type.Enum(['any', 'none'])
// A zero byte: no database text can hold it.
const Words = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$' })
const Key = Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\u0000]*$', description: 'Of a custom field.' })
const TextField = Type.Enum(['firstName', 'lastName', 'email'])
const TimeField = Type.Enum(['joined', 'lastReplied'])

const TextCondition = condition({ field: TextField, op: Type.Enum(['is', 'isNot', 'contains', 'startsWith']), value: Words }, 'Whatever the case.')
const EmptyCondition = condition({ field: TextField, op: Type.Enum(['isEmpty', 'isNotEmpty']) }, 'Whether there is anything in it.')
const CustomCondition = condition({
  field: Type.Literal('custom'), key: Key, op: Type.Enum(['is', 'isNot']), value: Type.Union([Words, Type.Number(), Type.Boolean()])
}, 'A custom field; text whatever its case, numbers by their value.')
const CustomTextCondition = condition({ field: Type.Literal('custom'), key: Key, op: Type.Literal('contains'), value: Words }, 'Words in a custom field.')
const CustomNumberCondition = condition({ field: Type.Literal('custom'), key: Key, op: Type.Enum(['atLeast', 'atMost']), value: Type.Number() }, 'A custom field that holds a number.')
const CustomSetCondition = condition({ field: Type.Literal('custom'), key: Key, op: Type.Enum(['isSet', 'isNotSet']) }, 'Whether the custom field holds anything.')
const TagCondition = condition({
  field: Type.Literal('tags'), op: Type.Enum(['any', 'all', 'none']), values: Type.Array(Type.String({ minLength: 1, maxLength: 50, pattern: '\\S' }), { minItems: 1, maxItems: 100 })
}, 'Names of tags, whatever their case.')
const BranchCondition = condition({ field: Type.Literal('branches'), op: Type.Enum(['any', 'all', 'none']), values: Type.Array(Uuid, { minItems: 1, maxItems: 100 }) }, 'Ids of branches.')
const TimeCondition = condition({ field: TimeField, op: Type.Enum(['before', 'after']), time: Timestamp }, 'When they were added, or last texted in. Who never did was not before anything.')
const RecentCondition = condition({ field: TimeField, op: Type.Literal('within'), days: Type.Integer({ minimum: 1, maximum: 36_500 }) }, 'In the last so many times 24 hours.')
const NeverCondition = condition({ field: Type.Literal('lastReplied'), op: Type.Literal('never') }, 'Has never texted in.')
const OptInCondition = condition({ field: Type.Literal('optInState'), op: listOps, values: Type.Array(Type.Enum(['pending', 'opted_in', 'opted_out']), { minItems: 1, maxItems: 3 }) }, 'Consent. A message goes to opted_in members only, whatever the segment says.')
const BirthdayMonthCondition = condition({ field: Type.Literal('birthday'), op: Type.Literal('month'), months: Type.Array(Type.Integer({ minimum: 1, maximum: 12 }), { minItems: 1, maxItems: 12 }) }, 'Months from 1 to 12.')
const BirthdaySoonCondition = condition({ field: Type.Literal('birthday'), op: Type.Literal('within'), days: Type.Integer({ minimum: 0, maximum: 366 }) }, 'Today (0) or in the next so many days, in the organization\'s time zone; 29 February is kept on the 28th when there is none.')
const ZoneCondition = condition({ field: Type.Literal('timeZone'), op: listOps, values: Type.Array(TimeZone, { minItems: 1, maxItems: 100 }) }, 'The member\'s own time zone, or else the organization\'s.')

export const conditionExample = { field: 'tags', op: 'any', values: ['choir'] }

export const Condition = Type.Union([
  TextCondition, EmptyCondition, CustomCondition, CustomTextCondition, CustomNumberCondition, CustomSetCondition, TagCondition, BranchCondition,
  TimeCondition, RecentCondition, NeverCondition, OptInCondition, BirthdayMonthCondition, BirthdaySoonCondition, ZoneCondition
], { description: 'One thing that must be true of a member.', examples: [conditionExample] })
export type Condition = Static<typeof Condition>

export const SegmentFilter = Type.Object({
  match: Type.Enum(['all', 'any'], { description: 'Whether all of the conditions must be true, or any of them.' }),
  conditions: Type.Array(Condition, { minItems: 1, maxItems: 50 })
}, {
  additionalProperties: false,
  examples: [{ match: 'all', conditions: [conditionExample, { field: 'lastReplied', op: 'never' }] }]
})
export type SegmentFilter = Static<typeof SegmentFilter>
