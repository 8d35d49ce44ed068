// Shares of a server's connections: whatever processes come, go, die and use, the sum on record never exceeds the total.
import fc from 'fast-check'
import t from 'tap'
import { shareOf } from '../../../src/tenancy/shares/share-of.js'

interface Process { granted: number, limit: number, used: number }

/** What one renewal does: the limit was not raised since the last, so what is used is within it or was before. */
function renew (all: Process[], me: Process, total: number, most: number): void {
  const { granted, limit } = shareOf({ total, most, others: all.filter((other) => other !== me).map((other) => other.granted), holding: Math.max(me.used, me.limit) })
  Object.assign(me, { granted, limit })
}

void t.test('in any order of coming, using, renewing and going, the sum stays within the total and nobody uses more than is on record', (t) => {
  const step = fc.record({ act: fc.constantFrom('come', 'go', 'renew', 'renew', 'use', 'use'), who: fc.nat(7), want: fc.nat(40) })
  fc.assert(fc.property(fc.integer({ min: 4, max: 60 }), fc.integer({ min: 4, max: 60 }), fc.array(step, { maxLength: 80 }), (total, most, steps) => {
    let all: Process[] = []
    for (const { act, who, want } of steps) {
      const me = all[who % Math.max(1, all.length)]
      if (act === 'come' && all.length < 8) {
        const newcomer = { granted: 0, limit: 0, used: 0 }
        all.push(newcomer)
        renew(all, newcomer, total, most)
      } else if (act === 'go') all = all.filter((process) => process !== me)
      else if (act === 'renew' && me !== undefined) renew(all, me, total, most)
      // Up to the limit, or fewer than before.
      else if (me !== undefined) me.used = want <= me.used ? want : Math.max(me.used, Math.min(want, me.limit))
      const sum = all.reduce((before, { granted }) => before + granted, 0)
      if (sum > total || all.some(({ granted, used, limit }) => used > granted || limit > granted)) return false
    }
    return true
  }), { numRuns: 2_000 })
  t.end()
})

void t.test('idle connections are given up in two renewals, and everybody ends with an equal part', (t) => {
  const [first, second, third] = [{ granted: 0, limit: 0, used: 0 }, { granted: 0, limit: 0, used: 0 }, { granted: 0, limit: 0, used: 0 }]
  renew([first], first, 30, 100)
  t.strictSame(first, { granted: 30, limit: 30, used: 0 })
  const all = [first, second, third]
  for (let round = 0; round < 4; round++) for (const process of all) renew(all, process, 30, 100)
  t.strictSame(all.map(({ granted, limit }) => [granted, limit]), Array(3).fill([10, 10]))
  const rest = [first, second]
  for (let round = 0; round < 2; round++) for (const process of rest) renew(rest, process, 30, 100)
  t.strictSame(rest.map(({ granted }) => granted), [15, 15], 'what one leaves is shared by the others')
  t.strictSame(shareOf({ total: 30, others: [], holding: 0, most: 12 }), { granted: 12, limit: 12 }, 'nobody takes more than it wants')
  t.end()
})
