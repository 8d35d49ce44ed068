// How the ledger batches, and what happens to a batch that fails.
import t from 'tap'
import { EventLedger } from '../../src/webhooks/event-ledger.js'
import { type LedgerEvent } from '../../src/webhooks/queries.js'

const event = (eventId: string): LedgerEvent => ({ provider: 'telnyx', eventId, routeToken: null, payload: Buffer.from('{}') })

function gate () {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => { open = resolve })
  return { open, opened }
}

await t.test('one commit is under way at a time, and takes at most a batch of those that waited', async (t) => {
  const batches: string[][] = []
  const first = gate()
  const ledger = new EventLedger(async (events) => {
    batches.push(events.map(({ eventId }) => eventId))
    if (batches.length === 1) await first.opened
  }, { batch: 3 })
  const all = ['a', 'b', 'c', 'd', 'e'].map((id) => ledger.record(event(id)))
  t.same(batches, [['a']])
  first.open()
  await Promise.all(all)
  t.same(batches, [['a'], ['b', 'c', 'd'], ['e']])
})

await t.test('a row that cannot be stored fails alone', async (t) => {
  const stored: string[] = []
  const first = gate()
  const ledger = new EventLedger(async (events) => {
    if (events[0]?.eventId === 'first') await first.opened
    if (events.some(({ eventId }) => eventId === 'bad')) throw Object.assign(new Error('invalid byte sequence'), { code: '22021' })
    stored.push(...events.map(({ eventId }) => eventId))
  })
  const all = ['first', 'good', 'bad', 'fine'].map((id) => ledger.record(event(id)))
  first.open()
  const outcomes = await Promise.allSettled(all)
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  t.match(outcomes[2], { reason: { code: 'WEBHOOK_MALFORMED' } })
  t.same(stored, ['first', 'good', 'fine'])
})

await t.test('a server that fails answers the whole batch 503, without trying row by row', async (t) => {
  let calls = 0
  const ledger = new EventLedger(async () => {
    calls++
    throw Object.assign(new Error('terminating connection'), { code: '57P01' })
  })
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((id) => ledger.record(event(id))))
  t.ok(outcomes.every((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code === 'DATABASE_UNAVAILABLE'))
  t.equal(calls, 2)
})

await t.test('too many waiting, or too long a wait, is answered 503', async (t) => {
  const first = gate()
  const ledger = new EventLedger(() => first.opened, { waiting: 2, deadlineMs: 30 })
  const all = Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => ledger.record(event(id))))
  const outcomes = await all
  t.ok(outcomes.every((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code === 'WEBHOOK_OVERLOADED'))
  first.open()
  await ledger.close()
  await t.resolves(ledger.record(event('e')))
})
