// When the last text of a message leaves, at a rate, over nights.
import t from 'tap'
import { forecastDepartures } from '../../../src/features/quiet-hours/forecast.js'

const rules = { own: null, kept: true, marginMs: 60_000 }
const nashville = { timeZone: 'America/Chicago', region: 'TN' }
const miami = { timeZone: 'America/New_York', region: 'FL' }
const forecast = (places: Parameters<typeof forecastDepartures>[0], start: string, perSecond: number, perDay = Infinity) => {
  const { deferred, lastLeavesAt } = forecastDepartures(places, new Date(start), rules, null, { perSecond, perDay })
  return [deferred, lastLeavesAt?.toISOString() ?? null]
}

void t.test('without a limit the last one leaves when the last window opens', async (t) => {
  t.strictSame(forecast([{ ...nashville, count: 10 }, { ...miami, count: 5 }], '2026-03-03T01:30:00Z', Infinity), [5, '2026-03-03T13:00:00.000Z'])
  t.strictSame(forecast([{ ...nashville, count: 10 }], '2026-03-02T18:00:00Z', Infinity), [0, '2026-03-02T18:00:00.000Z'])
})

void t.test('at a rate it takes its time, and what the evening cuts off goes on in the morning', async (t) => {
  t.strictSame(forecast([{ ...nashville, count: 100 }], '2026-03-02T18:00:00Z', 2), [0, '2026-03-02T18:00:50.000Z'])
  t.strictSame(forecast([{ ...nashville, count: 700 }], '2026-03-03T02:49:00Z', 1), [100, '2026-03-03T14:01:40.000Z'], 'six hundred in the last ten minutes')
  t.strictSame(forecast([{ ...nashville, count: 100_000 }], '2026-03-02T14:00:00Z', 1)[1], '2026-03-04T15:48:40.000Z', 'over two nights')
})

void t.test('what a day has no share for leaves after midnight Pacific, or in the morning after it', async (t) => {
  t.strictSame(forecast([{ ...nashville, count: 2_000 }], '2026-03-02T18:00:00Z', 10, 2_000), [0, '2026-03-02T18:03:20.000Z'], 'the whole of one day\'s')
  t.strictSame(forecast([{ ...nashville, count: 4_500 }], '2026-03-02T18:00:00Z', 10, 2_000), [2_500, '2026-03-04T14:00:50.000Z'], 'two thousand on each of two days')
  t.strictSame(forecast([{ ...nashville, count: 4_500 }], '2026-03-02T18:00:00Z', Infinity, 2_000), [2_500, '2026-03-04T14:00:00.000Z'])
  const atAnyHour = forecastDepartures([{ ...nashville, count: 30 }], new Date('2026-03-08T07:59:50Z'), { ...rules, kept: false }, null, { perSecond: 1, perDay: 15 })
  t.strictSame(atAnyHour, { deferred: 0, lastLeavesAt: new Date('2026-03-09T07:00:05Z') }, 'ten before midnight, fifteen on a day of twenty-three hours, and five')
})

void t.test('a message whose recipients are in several places fills the windows one after another', async (t) => {
  t.strictSame(forecast([{ ...nashville, count: 600 }, { ...miami, count: 600 }], '2026-03-03T00:49:00Z', 1), [600, '2026-03-03T13:10:00.000Z'], 'Florida closes at eight')
})

void t.test('nobody at all leaves at once, and what takes more than a year has no end', async (t) => {
  t.strictSame(forecast([], '2026-03-02T18:00:00Z', 1), [0, '2026-03-02T18:00:00.000Z'])
  t.strictSame(forecast([{ ...nashville, count: 1_000_000 }], '2026-03-02T18:00:00Z', 0.01)[1], null)
})
