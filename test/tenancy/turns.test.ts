// Turns: a few at a time, in order, and nobody left standing beyond the limits.
import t from 'tap'
import { Turns } from '../../src/tenancy/turns.js'
import { settle, VirtualTime } from './virtual-server.js'

void t.test('so many at a time, the others in the order they came', async (t) => {
  const turns = new Turns({ atOnce: 2, longestLine: 10 })
  const begun: number[] = []
  const ends: Array<() => void> = []
  const all = [0, 1, 2, 3].map((one) => turns.take(async () => {
    begun.push(one)
    await new Promise<void>((resolve) => ends.push(resolve))
    return one
  }))
  for (const expected of [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3]]) {
    await settle()
    t.strictSame(begun, expected)
    ends.shift()?.()
  }
  ends.shift()?.()
  ends.shift()?.()
  t.strictSame(await Promise.all(all), [0, 1, 2, 3])
})

void t.test('who waits too long, or finds the line full, is turned away, and keeps nobody else from a turn', async (t) => {
  const time = new VirtualTime()
  const turns = new Turns({ atOnce: 1, longestLine: 2, longestWaitMs: 100 }, time)
  let end = (): void => undefined
  const first = turns.take(() => new Promise<string>((resolve) => { end = () => { resolve('first') } }))
  const early = turns.take(async () => 'early')
  await time.advance(60)
  const late = turns.take(async () => 'late')
  t.equal(await turns.take(async () => 'beyond the line'), undefined)
  await time.advance(60)
  t.equal(await early, undefined, 'waited for a hundred')
  end()
  t.strictSame(await Promise.all([first, late]), ['first', 'late'])
  t.equal(await turns.take(async () => 'later'), 'later', 'the place is free again')
  await time.advance(1_000)
})

void t.test('a turn that fails makes room all the same', async (t) => {
  const turns = new Turns({ atOnce: 1, longestLine: 1 })
  await t.rejects(turns.take(() => Promise.reject(new Error('no database'))), { message: 'no database' })
  t.equal(await turns.take(async () => 'next'), 'next')
})
