// Which tenants a rebalancing moves: drained servers empty, open ones equally full, nobody twice.
import fc from 'fast-check'
import t from 'tap'
import { type Occupancy, planMoves } from '../../src/tenancy/plan-moves.js'

const server = (name: string, tenants: number, { open = true, maxTenants = 100, fixed = 0 } = {}): Occupancy =>
  ({ name, open, maxTenants, tenants: tenants + fixed, movable: Array.from({ length: tenants }, (_, index) => `${name}${index}`) })

const after = (servers: Occupancy[], most?: number) => {
  const moves = planMoves(servers, most)
  const count = new Map(servers.map(({ name, tenants }) => [name, tenants]))
  for (const { from, to } of moves) {
    count.set(from, (count.get(from) ?? 0) - 1)
    count.set(to, (count.get(to) ?? 0) + 1)
  }
  return { moves, count: Object.fromEntries(count) }
}

void t.test('a drained server is emptied onto the least full ones, and open ones are made equally full by their sizes', (t) => {
  t.strictSame(after([server('a', 6, { open: false }), server('b', 1), server('c', 3)]).count, { a: 0, b: 5, c: 5 })
  t.strictSame(after([server('a', 9, { maxTenants: 30 }), server('b', 0, { maxTenants: 60 })]).count, { a: 3, b: 6 })
  t.strictSame(after([server('a', 5), server('b', 4)]).moves, [], 'a difference of one is none')
  t.strictSame(after([server('a', 5, { open: false }), server('b', 3, { maxTenants: 4 })]).count, { a: 4, b: 4 }, 'no server gets more than it may have')
  t.strictSame(after([server('a', 5, { open: false })]).moves, [], 'there is nowhere to go')
  t.equal(after([server('a', 9, { open: false }), server('b', 0)], 4).moves.length, 4)
  t.end()
})

void t.test('whatever the servers are like, nobody moves twice, none overflows, and nothing gets worse', (t) => {
  const any = fc.array(fc.record({ tenants: fc.nat(40), fixed: fc.nat(5), open: fc.boolean(), maxTenants: fc.integer({ min: 1, max: 60 }) }), { maxLength: 6 })
  fc.assert(fc.property(any, (given) => {
    const servers = given.map(({ tenants, ...rest }, index) => server(`s${index}x`, tenants, rest))
    const { moves, count } = after(servers)
    const fullest = (counts: Record<string, number>) => Math.max(0, ...servers.filter(({ open }) => open).map(({ name, maxTenants }) => (counts[name] ?? 0) / maxTenants))
    const before = Object.fromEntries(servers.map(({ name, tenants }) => [name, tenants]))
    const took = (name: string) => moves.some(({ to }) => to === name)
    return new Set(moves.map(({ tenant }) => tenant)).size === moves.length &&
      moves.every(({ from, to, tenant }) => tenant.startsWith(from) && servers.some(({ name, open }) => name === to && open)) &&
      servers.every(({ name, maxTenants }) => !took(name) || (count[name] ?? 0) <= maxTenants) &&
      (servers.some(({ open, movable }) => !open && movable.length > 0) || fullest(count) <= fullest(before))
  }), { numRuns: 500 })
  t.end()
})
