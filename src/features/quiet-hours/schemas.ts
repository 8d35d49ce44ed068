// The wire of quiet hours.
import { type Static, Type } from 'typebox'
import { nullable, TimeZone } from '../../http/wire.js'

const Time = (description: string, example: string) => Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description, examples: [example] })
const Hours = { opens: Time('HH:MM on the recipient\'s clocks.', '10:00'), closes: Time('HH:MM; from then on it is quiet.', '19:00') }

export const QuietHours = Type.Object({
  own: nullable(Type.Object(Hours, { description: 'The organization\'s own hours, within those of the law; null: the law\'s alone.', examples: [null] })),
  timeZone: Type.String({ description: 'Whose clocks count for a member of whom no zone is known, neither their own nor a branch\'s nor their number\'s.', examples: ['America/New_York'] })
})
export type QuietHours = Static<typeof QuietHours>

export const QuietHoursChanges = Type.Object({
  own: Type.Optional(nullable(Type.Object(Hours, { additionalProperties: false, description: 'Null: keep to the law\'s alone.' }))),
  timeZone: Type.Optional(TimeZone)
}, { additionalProperties: false, minProperties: 1, examples: [{ own: { opens: '10:00', closes: '19:00' } }] })
export type QuietHoursChanges = Static<typeof QuietHoursChanges>
