// When a recurring message leaves: its rule's dates, each with the wall time of its zone.
import { toInstant } from '../../wall-time.js'
import { expandRule } from './expand-rule.js'
import { type Rule } from './rule.js'

export interface Schedule {
  rule: Rule
  /** No occurrence is before this date, YYYY-MM-DD; what the rule leaves open (the weekday, the day of the month) is taken from it. */
  startDate: string
  /** HH:MM, on the clocks of `timeZone`. */
  time: string
  timeZone: string
  /** Dates that are left out, though they count towards COUNT (RFC 5545 section 3.8.5.1). */
  skippedDates: readonly string[]
}

export interface Occurrence {
  /** On the calendar of the schedule's zone: what people call it by. */
  date: string
  at: Date
  skipped: boolean
}

export interface Wanted {
  after: Date
  /** Inclusive. */
  through?: Date
  limit: number
  /** The skipped ones too. */
  withSkipped?: boolean
}

const dayMs = 86_400_000
/** Looked at from the start on. A rule without any date in so long has none. */
const horizonDays = 36_525

/**
 * In order, each instant once: where a zone skips a whole day, that day's occurrence and the next one are the same. By rule and
 * calendar alone, so it is the same list in every process and after every restart.
 */
export function listOccurrences (schedule: Schedule, { after, through, limit, withSkipped = false }: Wanted): Occurrence[] {
  const { rule, startDate, time, timeZone } = schedule
  const skipped = new Set(schedule.skippedDates)
  const found: Occurrence[] = []
  let previous = -Infinity
  let counted = 0
  // Two days before: there, no zone's calendar is as far as `after`. COUNT counts from the start.
  const near = rule.count === null ? Math.floor(after.getTime() / dayMs) - 2 : undefined
  for (const day of expandRule(rule, Date.parse(startDate) / dayMs, horizonDays, near)) {
    const date = new Date(day * dayMs).toISOString().slice(0, 10)
    const at = toInstant({ date, time }, timeZone)
    if (at.getTime() === previous) continue
    previous = at.getTime()
    counted++
    if (!isWithin(schedule, date, at, counted) || (through !== undefined && at > through)) break
    if (at > after && (withSkipped || !skipped.has(date))) found.push({ date, at, skipped: skipped.has(date) })
    if (found.length >= limit) break
  }
  return found
}

function isWithin ({ rule: { count, until }, time }: Schedule, date: string, at: Date, counted: number): boolean {
  if (count !== null) return counted <= count
  if (until === null) return true
  if ('date' in until) return date <= until.date
  return 'local' in until ? `${date}T${time}` <= until.local : at <= until.instant
}
