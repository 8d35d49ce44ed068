// Fills in what a request leaves open of a schedule, and refuses what would be looked at for ever.
import { problem } from '../../errors.js'
import { addDays, toWallTime } from '../../wall-time.js'
import { readRule } from './rule.js'
import { type RecurringColumns } from './queries.js'
import { type RecurringSchedule } from './schemas.js'

type Timing = Pick<RecurringColumns, 'rule' | 'startDate' | 'time' | 'timeZone' | 'skippedDates'>

/** In days: a rule is walked from its start, so that is not left to anyone. */
const farthest = { back: 366, ahead: 3_660 }

type Asked = { [Key in keyof Required<RecurringSchedule>]: RecurringSchedule[Key] | undefined } & Pick<RecurringSchedule, 'rule' | 'time'>

/** @throws problem('VALIDATION_FAILED') */
export function settleSchedule (asked: Asked, organizationZone: string, now: Date): Timing {
  const timeZone = asked.timeZone ?? organizationZone
  const today = toWallTime(now, timeZone).date
  const startDate = asked.startDate ?? today
  if (startDate < addDays(today, -farthest.back) || startDate > addDays(today, farthest.ahead)) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/startDate', message: 'must be at most a year ago and ten years ahead' }] })
  }
  readRule(asked.rule)
  return { rule: asked.rule, startDate, time: asked.time, timeZone, skippedDates: [...new Set(asked.skippedDates ?? [])].sort() }
}
