// The sandbox's timer for many things at once.
import t from 'tap'
import { Schedule } from '../../src/sandbox/carrier/schedule.js'
import { until } from '../helpers/until.js'

void t.test('what is asked for right at the turn of a tick is not passed over', async (t) => {
  // Each look at the clock is a tick later than the one before.
  let ticks = 0
  const schedule = new Schedule(() => 10 * ticks++)
  t.teardown(() => { schedule.close() })
  const done: string[] = []
  schedule.after(1, () => { done.push('first') })
  await until(async () => done.length === 1)
  schedule.after(30, () => { done.push('second') })
  schedule.after(1, () => { done.push('third') })
  await until(async () => done.length === 3)
  t.strictSame(new Set(done), new Set(['first', 'second', 'third']))
})

void t.test('what is closed runs nothing more', async (t) => {
  const schedule = new Schedule()
  let ran = 0
  schedule.after(1, () => { ran++ })
  schedule.close()
  schedule.after(1, () => { ran++ })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(ran, 0)
})
