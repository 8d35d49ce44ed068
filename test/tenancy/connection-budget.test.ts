// The budget's rules under a virtual clock: the cap, the line, the shares, whatever order things happen in.
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { AccountDraining, BudgetWaitExceeded } from '../../src/tenancy/budget-refusals.js'
import { QUANTUM } from '../../src/tenancy/budget-policy.js'
import { VirtualServer, settle } from './virtual-server.js'

const limits = { connections: 4, perAccount: 3, waitMs: 1_000, churn: 2 }

type Step =
  | { do: 'acquire', key: string }
  | { do: 'release', which: number, reusable: boolean }
  | { do: 'open', which: number, fail: boolean }
  | { do: 'close', which: number }
  | { do: 'lose', which: number }
  | { do: 'drain', key: string, refuseLine: boolean }
  | { do: 'advance', ms: number }

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const which = fc.nat(20)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('acquire' as const), key }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('release' as const), which, reusable: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('open' as const), which, fail: fc.nat(9).map((n) => n === 0) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('close' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), key, refuseLine: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 6, 60, 600) }) }
)

async function take (server: VirtualServer, { ...action }: Step): Promise<void> {
  switch (action.do) {
    case 'acquire':
      server.acquire(action.key)
      break
    case 'release':
      server.release(action.which, action.reusable)
      break
    case 'open': {
      const [opening] = server.openings.splice(action.which % Math.max(1, server.openings.length), 1)
      if (action.fail) opening?.fail(new Error('refused'))
      else opening?.succeed()
      break
    }
    case 'close':
      server.closings.splice(action.which % Math.max(1, server.closings.length), 1)[0]?.()
      break
    case 'lose': {
      const slots = [...server.held, ...[...server.accounts.values()].flatMap(({ idle }) => idle)]
      slots[action.which % Math.max(1, slots.length)]?.connection.lose()
      break
    }
    case 'drain':
      void server.budget.drain(server.account(action.key), action.refuseLine)
      break
    case 'advance':
      await server.time.advance(action.ms)
  }
  await settle()
}

function assertInvariants (server: VirtualServer): void {
  const { budget, physical } = server
  const stats = budget.stats()
  const check = (holds: boolean, rule: string): void => {
    if (!holds) throw new Error(`${rule}: ${JSON.stringify(stats)}`)
  }
  const accounts = server.all
  check(physical <= limits.connections, 'the server never sees more than the cap')
  check(stats.used === physical, 'what is charged is what exists')
  check(stats.busy === server.held.length, 'every busy connection has a holder')
  check(accounts.every((account) => account.physical <= limits.perAccount), 'no database exceeds its ceiling')
  check(accounts.every(({ draining, idle }) => !draining || idle.length === 0), 'what drains keeps nothing')
  check(accounts.every(({ waiting, idle }) => waiting === 0 || idle.length === 0), 'nobody waits beside an idle connection of his own')
  check([...budget.inNeed].every(({ waiting }) => waiting > 0), 'only a database with a line is in need')
  check(server.asked === server.granted.length + server.refused.length + stats.waiting, 'each request waits or has been settled once')
  check(accounts.every((account) => account.live > 0 || account.waiting === 0 || account.physical >= limits.perAccount || budget.inNeed.has(account)), 'a line without a connection is in need')
  const turning = stats.opening + stats.closing >= limits.churn
  const reserved = stats.closing >= budget.inNeed.size
  check(turning || budget.inNeed.size === 0 || stats.used === limits.connections, 'a free place is not withheld')
  check(turning || reserved || stats.idle === 0, 'an idle connection is given up for those in need')
}

await t.test('no order of events breaks a rule, and every request is answered in the end', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 200 }), async (steps) => {
    const server = new VirtualServer(limits)
    for (const action of steps) {
      await take(server, action)
      assertInvariants(server)
    }
    for (let round = 0; server.granted.length + server.refused.length < server.asked; round++) {
      if (round > 1_000) throw new Error(`stuck: ${JSON.stringify(server.budget.stats())}`)
      await take(server, { do: 'open', which: 0, fail: false })
      await take(server, { do: 'release', which: 0, reusable: true })
      await take(server, { do: 'close', which: 0 })
      await take(server, { do: 'advance', ms: 1 })
      assertInvariants(server)
    }
  }), { numRuns: 800 })
})

/** Opens and closes at once whatever is under way, and lets each holder keep its connection for a millisecond. */
async function run (server: VirtualServer, milliseconds: number): Promise<void> {
  for (let elapsed = 0; elapsed < milliseconds; elapsed++) {
    for (const opening of server.openings.splice(0)) opening.succeed()
    for (const close of server.closings.splice(0)) close()
    await server.time.advance(1)
    await settle()
    for (let held = server.held.length; held > 0; held--) server.release(0)
    await settle()
  }
}

await t.test('a database with a thousand in line does not stand before another\'s first', async (t) => {
  const server = new VirtualServer({ connections: 2, perAccount: 2, waitMs: 60_000, churn: 2 })
  for (let n = 0; n < 1_000; n++) server.acquire('noisy')
  await run(server, 20)
  t.ok(server.granted.length > 20, 'the noisy one is at work')
  server.acquire('quiet')
  const before = server.granted.length
  await run(server, 2 * QUANTUM + 4)
  const position = server.granted.indexOf('quiet')
  t.ok(position >= 0, 'the quiet one was served')
  t.ok(position - before <= 2 * (QUANTUM + 2), `after ${position - before} of the noisy one's`)
})

await t.test('a database never takes more than its ceiling, though everything else is free', async (t) => {
  const server = new VirtualServer({ connections: 20, perAccount: 8, waitMs: 60_000, churn: 3 })
  for (let n = 0; n < 100; n++) server.acquire('one')
  for (let n = 0; n < 40; n++) {
    for (const opening of server.openings.splice(0)) opening.succeed()
    await server.time.advance(10)
  }
  t.equal(server.physical, 8)
  t.equal(server.held.length, 8)
})

await t.test('whoever waits too long is told so, and leaves the line', async (t) => {
  const server = new VirtualServer({ connections: 1, perAccount: 1, waitMs: 500, churn: 1 })
  server.acquire('a')
  await settle()
  server.openings.shift()?.succeed()
  await settle()
  server.acquire('a')
  server.acquire('b')
  await server.time.advance(499)
  t.equal(server.refused.length, 0)
  await server.time.advance(1)
  t.equal(server.refused.length, 2)
  t.ok(server.refused.every((error) => error instanceof BudgetWaitExceeded))
  t.match(server.budget.stats(), { waiting: 0, waitsExceeded: 2, busy: 1 })
  server.release(0)
  t.match(server.budget.stats(), { idle: 1, busy: 0 })
})

await t.test('the idle connection of the least busy database is the one that is closed', async (t) => {
  const server = new VirtualServer({ connections: 2, perAccount: 2, waitMs: 500, churn: 2 })
  for (const key of ['busy', 'busy', 'busy', 'rare', 'busy']) {
    server.acquire(key)
    await run(server, 1)
  }
  server.acquire('new')
  await settle()
  t.equal(server.account('rare').closing, 1)
  t.equal(server.account('busy').closing, 0)
  t.equal(server.openings.length, 0, 'nothing opens before the closed one is gone')
  await run(server, 2)
  t.equal(server.granted.at(-1), 'new')
  t.equal(server.most, 2)
})

await t.test('a further connection that a busy database needed in a rush is given up before the only one of a quieter database', async (t) => {
  const server = new VirtualServer({ connections: 4, perAccount: 3, waitMs: 60_000, churn: 2 })
  for (let rush = 0; rush < 60; rush++) server.acquire('busy')
  for (let n = 0; n < 12; n++) {
    for (const opening of server.openings.splice(0)) opening.succeed()
    await server.time.advance(5)
  }
  t.equal(server.account('busy').physical, 3, 'it grew in the free room')
  await run(server, 60)
  for (let time = 0; time < 10; time++) {
    server.acquire('quieter')
    await run(server, 2)
  }
  server.acquire('new')
  await run(server, 4)
  t.equal(server.granted.at(-1), 'new')
  t.equal(server.account('quieter').idle.length, 1, 'the quieter one keeps its only connection')
  t.equal(server.account('busy').idle.length, 2)
  server.acquire('newer')
  await run(server, 4)
  t.equal(server.account('busy').idle.length, 2, 'but one that is hardly used goes first')
  t.equal(server.account('new').idle.length, 0)
})

await t.test('a connection opened ahead is kept before that of a database asked less often than it is said to be worth', async (t) => {
  const server = new VirtualServer({ connections: 2, perAccount: 2, waitMs: 60_000, churn: 2 })
  for (let time = 0; time < 3; time++) {
    server.acquire('signed up')
    await run(server, 2)
  }
  server.acquire('spare', 4)
  await run(server, 2)
  server.acquire('newcomer')
  await run(server, 4)
  t.equal(server.account('spare').idle.length, 1, 'the spare keeps it')
  t.equal(server.account('signed up').idle.length, 0)
  server.acquire('spare', 1)
  await run(server, 2)
  server.acquire('newcomer')
  await run(server, 2)
  server.acquire('another')
  await run(server, 4)
  t.equal(server.account('spare').idle.length, 0, 'once it is taken it counts like any other')
  t.equal(server.account('newcomer').idle.length, 1)
})

await t.test('a drained account finishes what is in flight and sends its line away', async (t) => {
  const server = new VirtualServer({ connections: 2, perAccount: 1, waitMs: 500, churn: 2 })
  server.acquire('a')
  await settle()
  server.openings.shift()?.succeed()
  await settle()
  server.acquire('a')
  let drained = false
  void server.budget.drain(server.account('a'), true).then(() => { drained = true })
  await settle()
  t.ok(server.refused[0] instanceof AccountDraining)
  t.notOk(drained)
  t.equal(server.held.length, 1)
  server.release(0)
  await settle()
  server.closings.shift()?.()
  await settle()
  t.ok(drained)
  t.equal(server.physical, 0)
})

await t.test('an account drained without refusing its line serves it to the end', async (t) => {
  const server = new VirtualServer({ connections: 2, perAccount: 1, waitMs: 5_000, churn: 2 })
  for (let n = 0; n < 10; n++) server.acquire('a')
  let drained = false
  void server.budget.drain(server.account('a'), false).then(() => { drained = true })
  await run(server, 5)
  t.notOk(drained)
  await run(server, 10)
  t.equal(server.granted.length, 10)
  t.ok(drained)
  t.equal(server.physical, 0)
})

await t.test('a failed opening is told to everyone in that line and to nobody else', async (t) => {
  const server = new VirtualServer({ connections: 4, perAccount: 2, waitMs: 500, churn: 4 })
  for (const key of ['a', 'a', 'b']) server.acquire(key)
  await settle()
  server.openings.find(({ key }) => key === 'a')?.fail(new Error('no such role'))
  await settle()
  t.same(server.refused.map(({ message }) => message), ['no such role', 'no such role'])
  t.match(server.budget.stats(), { waiting: 1, openFailures: 1, used: 1 })
})

await t.test('a database that nobody waits for keeps nothing of the connections it had', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const server = new VirtualServer({ connections: 1, perAccount: 1, waitMs: 500, churn: 1 })
  const given: Array<WeakRef<object>> = []
  for (const key of ['a', 'b']) {
    server.acquire(key)
    server.acquire(key)
    await settle()
    server.openings.shift()?.succeed()
    await settle()
    given.push(...server.held.map(({ connection }) => new WeakRef(connection)))
    for (let held = 0; held < 2; held++) {
      server.release(0)
      await settle()
    }
    server.acquire('c')
    await settle()
    server.closings.shift()?.()
    await settle()
    server.openings.shift()?.succeed()
    await settle()
    server.release(0, false)
    server.closings.shift()?.()
    await settle()
  }
  await turn()
  collect()
  t.equal(given.length, 2)
  t.same(given.map((connection) => connection.deref()), [undefined, undefined])
})
