// The dates of a recurrence rule, period by period (RFC 5545 section 3.3.10). Days are counted from 1970-01-01; there is no time and no
// zone here. The library `rrule` 2.8.1 was tried: it mixes up BYDAY=FR,4TH and BYSETPOS=-4, as the test of a hundred years shows.
import { type Rule, weekdays } from './rule.js'

const dayMs = 86_400_000

interface Day { number: number, year: number, month: number, day: number, weekday: number }

/**
 * In order, none before `start`, for `days` days. `near`: whoever needs nothing before this day gets there without
 * walking over the years between.
 */
export function * expandRule (rule: Rule, start: number, days: number, near = start): Generator<number> {
  const first = toDay(start)
  const from = toDay(Math.max(start, near))
  const skipped = Math.max(0, Math.floor((periodOf(rule, from) - periodOf(rule, first)) / rule.interval))
  const last = periodOf(rule, toDay(start + days))
  for (let period = periodOf(rule, first) + skipped * rule.interval; period <= last; period += rule.interval) {
    for (const day of choosePlaces(rule, daysOfPeriod(rule, first, period))) {
      if (day >= start && day <= start + days) yield day
    }
  }
}

/** The number of the day, week, month or year that a day is in. */
function periodOf ({ frequency, weekStart }: Rule, { number, year, month }: Day): number {
  switch (frequency) {
    case 'DAILY': return number
    // 1970-01-01 was a Thursday.
    case 'WEEKLY': return Math.floor((number + 3 - weekdays.indexOf(weekStart)) / 7)
    case 'MONTHLY': return year * 12 + month - 1
    case 'YEARLY': return year
  }
}

/** In order. What the rule leaves open comes from its first day. */
function daysOfPeriod (rule: Rule, first: Day, period: number): number[] {
  const { frequency, byDay, byMonthDay, byMonth, weekStart } = rule
  switch (frequency) {
    case 'DAILY': return daysFrom(period, 1).filter((day) => isIn(rule, day, 0, 0)).map(({ number }) => number)
    case 'WEEKLY': {
      const week = daysFrom(period * 7 - 3 + weekdays.indexOf(weekStart), 7)
      return week.filter((day) => isIn(rule, day, 0, 0) && (byDay.length > 0 || day.weekday === first.weekday)).map(({ number }) => number)
    }
    case 'MONTHLY': return daysOfMonth(rule, first, Math.floor(period / 12), period % 12 + 1)
    case 'YEARLY': {
      const open = byDay.length + byMonthDay.length === 0
      const months = byMonth.length > 0 ? [...new Set(byMonth)].sort((one, other) => one - other) : open ? [first.month] : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
      return months.flatMap((month) => daysOfMonth(rule, first, period, month))
    }
  }
}

function daysOfMonth (rule: Rule, first: Day, year: number, month: number): number[] {
  const from = dayNumber(year, month)
  const length = dayNumber(year, month + 1) - from
  // 4TH is the fourth of the month, or of the year when the rule names no month.
  const wholeYear = rule.frequency === 'YEARLY' && rule.byMonth.length === 0
  const [start, end] = wholeYear ? [dayNumber(year, 1), dayNumber(year + 1, 1)] : [from, from + length]
  const open = rule.byDay.length + rule.byMonthDay.length === 0
  return daysFrom(from, length)
    .filter((day) => isIn(rule, day, day.number - start, end - 1 - day.number) && (!open || day.day === first.day))
    .map(({ number }) => number)
}

/** `since`, `until`: days from the start and to the end of what weekdays are counted in. */
function isIn ({ byDay, byMonthDay, byMonth }: Rule, { number, year, month, day, weekday }: Day, since: number, until: number): boolean {
  if (byMonth.length > 0 && !byMonth.includes(month)) return false
  if (byMonthDay.length > 0 && !byMonthDay.includes(day) && !byMonthDay.includes(number - dayNumber(year, month + 1))) return false
  return byDay.length === 0 || byDay.some((wanted) => weekdays.indexOf(wanted.weekday) === weekday && (
    wanted.nth === null || wanted.nth === Math.floor(since / 7) + 1 || wanted.nth === -Math.floor(until / 7) - 1))
}

function choosePlaces ({ bySetPos }: Rule, days: number[]): number[] {
  if (bySetPos.length === 0) return days
  return days.filter((_, index) => bySetPos.includes(index + 1) || bySetPos.includes(index - days.length))
}

function daysFrom (from: number, count: number): Day[] {
  return Array.from({ length: count }, (_, index) => toDay(from + index))
}

function toDay (number: number): Day {
  const date = new Date(number * dayMs)
  return { number, year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), weekday: (date.getUTCDay() + 6) % 7 }
}

/** The first day of a month; the thirteenth is January. */
function dayNumber (year: number, month: number): number {
  return Date.UTC(year, month - 1, 1) / dayMs
}
