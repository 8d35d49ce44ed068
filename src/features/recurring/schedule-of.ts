// A recurring message's row as a schedule, and the next time of one.
import { listOccurrences, type Schedule } from './occurrences.js'
import { type RecurringColumns } from './queries.js'
import { readRule } from './rule.js'

type Timing = Pick<RecurringColumns, 'rule' | 'startDate' | 'time' | 'timeZone' | 'skippedDates'>

/** @throws problem('VALIDATION_FAILED') naming what is wrong with the rule */
export function scheduleOf ({ rule, startDate, time, timeZone, skippedDates }: Timing): Schedule {
  return { rule: readRule(rule), startDate, time, timeZone, skippedDates }
}

/** Null: it has come to its end. */
export function nextAfter (schedule: Schedule, after: Date): Date | null {
  return listOccurrences(schedule, { after, limit: 1 })[0]?.at ?? null
}
