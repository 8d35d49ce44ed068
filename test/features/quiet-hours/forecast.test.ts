// When the last text of a message leaves, at a rate, over nights.
import t from 'tap'
import { forecastDepartures } from '../../../src/features/quiet-hours/forecast.js'

const rules = { own: null, kept: true, marginMs: 60_000 }
const nashville = { timeZone: 'America/Chicago', region: 'TN' }
const miami = { timeZone: 'America/New_York', region: 'FL' }
const forecast = (places: Parameters<typeof forecastDepartures>[0], start: string, perSecond: number | null, local = null) => {
  const { deferred, lastLeavesAt } = forecastDepartures(places, new Date(start), rules, local, perSecond)
  return [deferred, lastLeavesAt?.toISOString() ?? null]
}

void t.test('without a limit the last one leaves when the last window opens', async (t) => {
  t.strictSame(forecast([{ ...nashville, count: 10 }, { ...miami, count: 5 }], '2026-03-03T01:30:00Z', null), [5, '2026-03-03T13:00:00.000Z'])
  t.strictSame(forecast([{ ...nashville, count: 10 }], '2026-03-02T18:00:00Z', null), [0, '2026-03-02T18:00:00.000Z'])
})

void t.test('at a rate it takes its time, and what the evening cuts off goes on in the morning', async (t) => {
  t.strictSame(forecast([{ ...nashville, count: 100 }], '2026-03-02T18:00:00Z', 2), [0, '2026-03-02T18:00:50.000Z'])
  t.strictSame(forecast([{ ...nashville, count: 700 }], '2026-03-03T02:49:00Z', 1), [100, '2026-03-03T14:01:40.000Z'], 'six hundred in the last ten minutes')
  t.strictSame(forecast([{ ...nashville, count: 100_000 }], '2026-03-02T14:00:00Z', 1)[1], '2026-03-04T15:48:40.000Z', 'over two nights')
})

void t.test('nobody at all leaves at once, and what takes more than a year has no end', async (t) => {
  t.strictSame(forecast([], '2026-03-02T18:00:00Z', 1), [0, '2026-03-02T18:00:00.000Z'])
  t.strictSame(forecast([{ ...nashville, count: 1_000_000 }], '2026-03-02T18:00:00Z', 0.01)[1], null)
})
