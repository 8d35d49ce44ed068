// Recurrence once more, the slow and plain way, to hold ours against: every day of the calendar is asked, and zones are known by
// what Intl's clocks show. Shares no code and no library with src.

export interface PlainRule {
  frequency: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY'
  interval: number
  /** [nth, or 0 for each; weekday, 0 for Monday] */
  byDay: Array<[number, number]>
  byMonthDay: number[]
  byMonth: number[]
  bySetPos: number[]
  weekStart: number
}

const dayMs = 86_400_000

interface Day { number: number, year: number, month: number, day: number, weekday: number, monthLength: number, dayOfYear: number, yearLength: number }

/** Days since 1970-01-01 on which the rule falls, from `start` to `end`, both inclusive. */
export function datesOf (rule: PlainRule, start: number, end: number): number[] {
  const first = describe(start)
  const periods = new Map<number, number[]>()
  // From the beginning of the period the start is in: BYSETPOS counts over all of it.
  for (let number = start - 370; number <= end + 370; number++) {
    const day = describe(number)
    const since = periodOf(rule, day) - periodOf(rule, first)
    if (since < 0 || since % rule.interval !== 0 || !falls(rule, day, first)) continue
    const together = periods.get(since) ?? []
    together.push(number)
    periods.set(since, together)
  }
  const chosen = [...periods.values()].flatMap((days) => rule.bySetPos.length === 0
    ? days
    : days.filter((_, index) => rule.bySetPos.some((place) => place > 0 ? index === place - 1 : index === days.length + place)))
  return chosen.filter((number) => number >= start && number <= end)
}

function describe (number: number): Day {
  const date = new Date(number * dayMs)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth() + 1
  return {
    number,
    year,
    month,
    day: date.getUTCDate(),
    weekday: (date.getUTCDay() + 6) % 7,
    monthLength: new Date(Date.UTC(year, month, 0)).getUTCDate(),
    dayOfYear: number - Date.UTC(year, 0, 1) / dayMs + 1,
    yearLength: (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / dayMs
  }
}

function periodOf (rule: PlainRule, day: Day): number {
  switch (rule.frequency) {
    case 'DAILY': return day.number
    case 'WEEKLY': return Math.floor((day.number + 3 - rule.weekStart) / 7)
    case 'MONTHLY': return day.year * 12 + day.month
    case 'YEARLY': return day.year
  }
}

/** The table of RFC 5545 section 3.3.10, row by row. */
function falls (rule: PlainRule, day: Day, first: Day): boolean {
  const { frequency, byDay, byMonthDay, byMonth } = rule
  const plain = byDay.length === 0 && byMonthDay.length === 0
  if (byMonth.length > 0 ? !byMonth.includes(day.month) : frequency === 'YEARLY' && plain && day.month !== first.month) return false
  if (byMonthDay.length > 0 && !byMonthDay.some((wanted) => wanted > 0 ? day.day === wanted : day.day === day.monthLength + wanted + 1)) return false
  if (byDay.length > 0) return byDay.some(([nth, weekday]) => weekday === day.weekday && (nth === 0 || isNth(rule, day, nth)))
  if (!plain) return true
  if (frequency === 'WEEKLY') return day.weekday === first.weekday
  return frequency === 'DAILY' || day.day === first.day
}

function isNth ({ frequency, byMonth }: PlainRule, day: Day, nth: number): boolean {
  const [place, length] = frequency === 'YEARLY' && byMonth.length === 0 ? [day.dayOfYear, day.yearLength] : [day.day, day.monthLength]
  return nth > 0 ? Math.ceil(place / 7) === nth : Math.ceil((length - place + 1) / 7) === -nth
}

/** What Intl's clocks of one zone show: spans of one offset, between 1968 and 2074. */
export interface Span { from: number, to: number, offset: number }

/** Less than the shortest span: in 2040 Hebron's summer time comes back for a week after Ramadan. */
const step = 5 * dayMs

export function spansOf (zone: string): Span[] {
  const offsetAt = offsetReader(zone)
  const end = Date.UTC(2074, 0, 1)
  const spans: Span[] = []
  let from = -Infinity
  let time = Date.UTC(1968, 0, 1)
  let offset = offsetAt(time)
  for (let next = time + step; next < end; next += step) {
    while (offsetAt(next) !== offset) {
      const change = firstSecondOf(offsetAt, time, next, offset)
      spans.push({ from, to: change, offset })
      from = time = change
      offset = offsetAt(change)
    }
    time = next
  }
  return [...spans, { from, to: Infinity, offset }]
}

/** The first time after `before` whose offset is another; one second has passed at most since. */
function firstSecondOf (offsetAt: (time: number) => number, before: number, after: number, offset: number): number {
  let [low, high] = [before, after]
  while (high - low > 1_000) {
    const middle = Math.floor((low + high) / 2_000) * 1_000
    if (offsetAt(middle) === offset) low = middle
    else high = middle
  }
  return high
}

function offsetReader (timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
  return (time) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = format.format(time).split(/\D+/).map(Number)
    return Date.UTC(year, month - 1, day, hour, minute, second) - time
  }
}

/** `wall`: what the clocks show, as if it were UTC. The first instant they show it, or, when they skip it, by the offset before. */
export function instantOf (spans: readonly Span[], wall: number): number {
  const shown = spans.find(({ from, to, offset }) => wall - offset >= from && wall - offset < to)
  if (shown !== undefined) return wall - shown.offset
  const before = spans.findLast(({ to, offset }) => wall - offset >= to)
  if (before === undefined) throw new Error('no clock ever shows this')
  return wall - before.offset
}
