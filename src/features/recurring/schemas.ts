// The wire of recurring messages.
import { type Static, Type } from 'typebox'
import { nullable, Timestamp, TimeZone, Uuid } from '../../http/wire.js'
import { pageQuery } from '../../http/pagination.js'
import { NewMessage } from '../messages/schemas.js'

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', examples: ['Sunday service'] })
const Rule = Type.String({
  minLength: 1,
  maxLength: 500,
  description: 'An RRULE of RFC 5545 with FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST, and COUNT or UNTIL. ' +
    'In months that are too short BYMONTHDAY=31 is skipped, BYMONTHDAY=-1 is always the last day, and BYMONTHDAY=28,29,30;BYSETPOS=-1 is the 30th, or the last day of February.',
  examples: ['FREQ=WEEKLY;BYDAY=SU']
})
const PlainDate = Type.String({ format: 'date', examples: ['2026-03-01'] })
const Time = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'HH:MM on the clocks of timeZone. Where they skip it, by the offset before; where they show it twice, the first time.', examples: ['09:00'] })
const StartDate = Type.String({ format: 'date', description: 'No occurrence is before it; what the rule leaves open, such as the weekday, is taken from it. Without it: today.' })
const SkippedDates = Type.Array(PlainDate, { maxItems: 1_000, description: 'Dates that are left out; COUNT counts them all the same.', examples: [[]] })

const schedule = {
  rule: Rule,
  startDate: Type.Optional(StartDate),
  time: Time,
  timeZone: Type.Optional({ ...TimeZone, description: 'Whose clocks count. Without it: the organization\'s zone.' }),
  skippedDates: Type.Optional(SkippedDates)
}

const { text, templateId, smartReplace, mediaUrls, mediaIds, to, topic } = NewMessage.properties
const content = { text, templateId, smartReplace, mediaUrls, mediaIds, to, topic }

export const RecurringSchedule = Type.Object(schedule, { additionalProperties: false })
export type RecurringSchedule = Static<typeof RecurringSchedule>

const example = { name: 'Sunday service', rule: 'FREQ=WEEKLY;BYDAY=SU', time: '08:30', timeZone: 'America/Chicago', text: 'Service starts at 10. See you there!', to: { all: true } }

export const NewRecurring = Type.Object({ name: Name, ...schedule, ...content }, { additionalProperties: false, examples: [example] })
export type NewRecurring = Static<typeof NewRecurring>

export const RecurringChanges = Type.Partial(Type.Object({ name: Name, ...schedule, ...content }), {
  additionalProperties: false, minProperties: 1, examples: [{ time: '09:00' }, { text: 'Service starts at 11 this summer.' }]
})
export type RecurringChanges = Static<typeof RecurringChanges>

export const OccurrenceDate = Type.Object({ date: PlainDate }, { additionalProperties: false, description: 'The occurrence\'s date on the calendar of the rule\'s zone.' })

const Upcoming = Type.Object({ date: PlainDate, at: Timestamp, skipped: Type.Boolean({ examples: [false] }) })
const NextTen = Type.Array(Upcoming, { description: 'The next ten, with those that are skipped; fewer when it ends before.' })
export const RecurringPreview = Type.Object({ nextOccurrences: NextTen })

const recurringFields = {
  id: Uuid,
  name: Name,
  status: Type.String({ enum: ['active', 'paused', 'ended'], description: 'ended: the rule has no further occurrence.' }),
  rule: Rule,
  startDate: PlainDate,
  time: Time,
  timeZone: Type.String({ examples: ['America/Chicago'] }),
  skippedDates: SkippedDates,
  text: nullable(Type.String({ description: 'Null: the template\'s.', examples: ['Service starts at 10. See you there!'] })),
  templateId: nullable(Type.String({ format: 'uuid', examples: [null] })),
  smartReplace: Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], description: 'Null: as the template says.', examples: [null] }),
  mediaUrls: Type.Array(Type.String({ examples: ['https://example.org/map.png'] })),
  mediaIds: Type.Array(Uuid),
  to,
  topic: Type.String({ description: 'messages: texts in general.', examples: ['messages'] }),
  nextOccurrenceAt: nullable(Timestamp),
  lastError: nullable(Type.String({ description: 'Why the latest occurrence could not be made: a code of the API\'s errors. It goes on at its next time all the same.', examples: [null] })),
  lastErrorAt: nullable(Type.String({ format: 'date-time', examples: [null] })),
  createdAt: Timestamp,
  updatedAt: Timestamp
}
export const Recurring = Type.Object(recurringFields)
export type Recurring = Static<typeof Recurring>

export const RecurringWithNext = Type.Object({ ...recurringFields, nextOccurrences: NextTen })
export type RecurringWithNext = Static<typeof RecurringWithNext>

export const RecurringQuery = Type.Object(pageQuery)

export const PastOccurrence = Type.Object({
  at: Timestamp,
  outcome: Type.String({ enum: ['sent', 'missed', 'failed'], description: 'sent: made into a message. missed: the service was down longer than its grace, or a later one was due as well. failed: see errorCode.' }),
  messageId: nullable(Uuid),
  errorCode: nullable(Type.String({ examples: [null] }))
})
export type PastOccurrence = Static<typeof PastOccurrence>
