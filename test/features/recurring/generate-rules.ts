// Rules and times made up at random, the same ones for the same seed.
import { type PlainRule, type Span } from './day-by-day.js'

const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']

export function generator (seed: number) {
  let state = seed
  // mulberry32
  const random = (): number => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(random() * limit)
  const chance = (share: number): boolean => random() < share
  const some = <T>(from: readonly T[], most: number): T[] => from.length <= most ? [...from] : Array.from({ length: most }, () => from[below(from.length)]).filter((one) => one !== undefined)
  const numbers = (most: number, make: () => number): number[] => [...new Set(Array.from({ length: 1 + below(most) }, make))]
  const fromEnd = (greatest: number): number => (1 + below(greatest)) * (chance(0.3) ? -1 : 1)

  function rule (): { rule: PlainRule, text: string } {
    const frequency = some(['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const, 1)[0] ?? 'DAILY'
    const long = frequency === 'MONTHLY' || frequency === 'YEARLY'
    const byMonth = chance(0.3) ? numbers(4, () => 1 + below(12)) : []
    const yearlyWeeks = frequency === 'YEARLY' && byMonth.length === 0
    const nth = (): number => long && chance(0.6) ? fromEnd(yearlyWeeks ? 53 : 5) : 0
    const byDay = chance(0.5) ? numbers(3, () => below(7)).map((weekday): [number, number] => [nth(), weekday]) : []
    const byMonthDay = frequency !== 'WEEKLY' && byDay.every(([place]) => place === 0) && chance(0.4) ? numbers(4, () => fromEnd(31)) : []
    const made: PlainRule = {
      frequency,
      interval: chance(0.5) ? 1 : 1 + below(6),
      byDay,
      byMonthDay,
      byMonth,
      bySetPos: long && byDay.length + byMonthDay.length > 0 && chance(0.3) ? numbers(2, () => fromEnd(4)) : [],
      weekStart: chance(0.5) ? 0 : below(7)
    }
    return { rule: made, text: textOf(made) }
  }

  /** One that the clocks of the zone skip or show twice somewhere, as often as not. */
  function timeAmong (spans: readonly Span[]): string {
    const changes = spans.slice(0, -1)
    const change = changes[below(changes.length)]
    const minute = change === undefined || chance(0.4) ? below(1_440) : Math.floor((((change.to + change.offset) / 60_000) % 1_440 + below(60) + 1_440) % 1_440)
    return new Date(minute * 60_000).toISOString().slice(11, 16)
  }

  const daily: PlainRule = { frequency: 'DAILY', interval: 1, byDay: [], byMonthDay: [], byMonth: [], bySetPos: [], weekStart: 0 }
  return { rule, below, some, timeAmong, daily }
}

function textOf ({ frequency, interval, byDay, byMonthDay, byMonth, bySetPos, weekStart }: PlainRule): string {
  const lists: Array<[string, Array<string | number>]> = [
    ['BYDAY', byDay.map(([nth, weekday]) => `${nth === 0 ? '' : nth}${weekdays[weekday] ?? ''}`)], ['BYMONTHDAY', byMonthDay], ['BYMONTH', byMonth], ['BYSETPOS', bySetPos]
  ]
  return [`FREQ=${frequency}`, `INTERVAL=${interval}`, `WKST=${weekdays[weekStart] ?? 'MO'}`, ...lists.filter(([, values]) => values.length > 0).map(([name, values]) => `${name}=${values.join(',')}`)].join(';')
}
