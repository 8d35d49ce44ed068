// A hundred years of generated rules over every zone of the IANA database, against the plain way of day-by-day.ts.
// A sample by default; RECURRENCE_RULES (per zone) and RECURRENCE_SEED make it longer or the same again.
import t from 'tap'
import { listOccurrences, type Schedule } from '../../../src/features/recurring/occurrences.js'
import { readRule } from '../../../src/features/recurring/rule.js'
import { datesOf, instantOf, type PlainRule, type Span, spansOf } from './day-by-day.js'
import { generator } from './generate-rules.js'

t.setTimeout(3_600_000)

const seed = Number(process.env['RECURRENCE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const rulesPerZone = Number(process.env['RECURRENCE_RULES'] ?? 1)
const dayMs = 86_400_000
const firstDay = Date.UTC(1970, 0, 2) / dayMs
const hundredYears = 36_524
const zones = Intl.supportedValuesOf('timeZone')
const spans = new Map(zones.map((zone) => [zone, spansOf(zone)]))
const generate = generator(seed)
t.comment(`RECURRENCE_SEED=${seed} RECURRENCE_RULES=${rulesPerZone}: ${zones.length} zones`)

interface Case { rule: PlainRule, text: string, start: number, end: number, time: string, zone: string }

function ours ({ text, start, end, time, zone }: Case, most = Infinity): number[] {
  const schedule: Schedule = { rule: readRule(text), startDate: dateOf(start), time, timeZone: zone, skippedDates: [] }
  const through = new Date(end * dayMs + 3 * dayMs)
  const found = listOccurrences(schedule, { after: new Date(0), through, limit: most }).filter(({ date }) => date <= dateOf(end))
  return found.map(({ at }) => at.getTime())
}

function plainly ({ rule, start, end, time, zone }: Case): number[] {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  const all = datesOf(rule, start, end).map((day) => instantOf(spans.get(zone) ?? [], day * dayMs + (hours * 60 + minutes) * 60_000))
  // Of a day that the zone skipped, only what is not the next day's already.
  return [...new Set(all)]
}

function dateOf (day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

void t.test('every rule falls on the same instants as day by day, in every zone, for a hundred years', (t) => {
  let compared = 0
  for (const zone of zones) {
    for (let n = 0; n < rulesPerZone; n++) {
      const { rule, text } = generate.rule()
      const start = firstDay + generate.below(366)
      // Days and weeks come too often to be asked for a hundred years at each try.
      const share = rulesPerZone > 20 ? 1 : { DAILY: 100, WEEKLY: 20, MONTHLY: 2, YEARLY: 1 }[rule.frequency]
      const from = start + generate.below(Math.ceil(hundredYears * (1 - 1 / share)) + 1)
      const one: Case = { rule, text, start: from, end: Math.min(from + Math.floor(hundredYears / share), start + hundredYears), time: generate.timeAmong(spans.get(zone) ?? []), zone }
      const [mine, theirs] = [ours(one), plainly(one)]
      compared += theirs.length
      if (mine.length !== theirs.length || mine.some((time, index) => time !== theirs[index])) {
        t.strictSame(mine.map(show), theirs.map(show), `${text} from ${dateOf(from)} at ${one.time} in ${zone}`)
      }
    }
  }
  t.ok(compared > zones.length * 10, `${compared} occurrences compared`)
  t.end()
})

void t.test('around every change of the clocks a daily text comes once a day: none lost in a gap, none twice in an overlap', (t) => {
  let changes = 0
  for (const zone of zones) {
    for (const change of generate.some((spans.get(zone) ?? []).slice(0, -1), rulesPerZone > 20 ? Infinity : 4)) {
      if (change.to < Date.UTC(1970, 0, 8)) continue
      const start = Math.floor((change.to + change.offset) / dayMs) - 2
      const one: Case = { rule: generate.daily, text: 'FREQ=DAILY', start, end: start + 5, time: timeWithin(change, spans.get(zone) ?? []), zone }
      const [mine, theirs] = [ours(one), plainly(one)]
      changes++
      if (mine.join() !== theirs.join() || new Set(mine).size !== mine.length) t.strictSame(mine.map(show), theirs.map(show), `around ${show(change.to)} at ${one.time} in ${zone}`)
    }
  }
  t.ok(changes > zones.length / 2, `${changes} changes of clocks`)
  t.end()
})

/** In the middle of what this change makes the clocks skip, or show twice. */
function timeWithin ({ to, offset }: Span, all: readonly Span[]): string {
  const next = all.find(({ from }) => from === to)?.offset ?? offset
  return new Date(to + (offset + next) / 2).toISOString().slice(11, 16)
}

function show (time: number): string {
  return new Date(time).toISOString()
}
