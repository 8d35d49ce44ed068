// The states of a recipient: every transition, and that order and repetition of the carrier's reports do not matter.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { queueText } from '../../../src/features/messages/queue-text.js'
import { type TextResult, writeResults } from '../../../src/features/messages/queue-queries.js'
import { recordDeliveryEvents } from '../../../src/features/messages/record-delivery-events.js'
import { type DeliveryEvent, recipientStates, type ReportedState, settles, transitions } from '../../../src/features/messages/states.js'
import { tenantDatabase, type TenantGround } from '../../helpers/tenant-database.js'

const reports: ReportedState[] = ['sent', 'failed', 'delivered']
const from = '+16155550100'

async function queueOne ({ db, fields }: TenantGround, phone = '+16155550199') {
  const phoneHash = fields.blindIndex(phone)
  const { messageId } = await queueText(db, { kind: 'reply', lane: 'reply', text: 'Hello', from, recipient: { memberId: null, phoneHash, phoneCipher: fields.encrypt(phone) } })
  return { messageId, phoneHash }
}

const stateOf = async ({ db }: TenantGround, { messageId }: { messageId: string }) =>
  db.selectFrom('message_recipients').selectAll().where('message_id', '=', messageId).executeTakeFirstOrThrow()

void t.test('each state moves exactly as the table says when the carrier reports', async (t) => {
  const ground = await tenantDatabase(t)
  for (const state of recipientStates) {
    for (const status of reports) {
      const key = await queueOne(ground)
      await ground.db.updateTable('message_recipients').set({ status: state }).where('message_id', '=', key.messageId).execute()
      if (state !== 'queued' && state !== 'sending') await ground.db.deleteFrom('message_queue').where('message_id', '=', key.messageId).execute()
      const known = await recordDeliveryEvents(ground.db, [{ ...key, status, occurredAt: new Date(), providerMessageId: null }])
      t.same(known, [true])
      t.equal((await stateOf(ground, key)).status, settles(state, status) ? status : state, `${state}, then ${status} is reported`)
      const waiting = await ground.db.selectFrom('message_queue').select('lane').where('message_id', '=', key.messageId).execute()
      t.same(waiting, [], 'what the carrier knows of does not wait in the outbox')
    }
  }
})

void t.test('each state moves exactly as the table says when a worker records what became of its try', async (t) => {
  const ground = await tenantDatabase(t)
  for (const cancelled of [false, true]) {
    for (const state of recipientStates) {
      for (const result of ['queued', 'unknown', 'sent', 'failed'] satisfies Array<TextResult['state']>) {
        const key = await queueOne(ground)
        const token = randomUUID()
        await ground.db.updateTable('message_recipients').set({ status: state }).where('message_id', '=', key.messageId).execute()
        await ground.db.updateTable('message_queue').set({ claim_token: token, claimed_at: new Date() }).where('message_id', '=', key.messageId).execute()
        if (cancelled) await ground.db.updateTable('messages').set({ status: 'cancelled' }).where('id', '=', key.messageId).execute()
        await writeResults(ground.db, token, [{ ...key, state: result, providerMessageId: null, errorCode: null, errorDetail: null, retryInMs: null }])
        const wanted = cancelled && result === 'queued' ? 'cancelled' : result
        t.equal((await stateOf(ground, key)).status, transitions[state].includes(wanted) ? wanted : state, `${state}, then ${result}${cancelled ? ' of a cancelled message' : ''}`)
        const waiting = await ground.db.selectFrom('message_queue').select('claim_token').where('message_id', '=', key.messageId).execute()
        t.same(waiting, wanted === 'queued' ? [{ claim_token: null }] : [])
      }
    }
  }
})

void t.test('the table never leads back, but for what certainly did not leave', async (t) => {
  const reach = (state: keyof typeof transitions, seen = new Set<string>()): Set<string> => {
    for (const next of transitions[state]) if (next !== 'queued' && !seen.has(next)) reach(next, seen.add(next))
    return seen
  }
  for (const state of recipientStates) t.notOk(reach(state).has(state), state)
  t.same(Object.entries(transitions).filter(([, next]) => next.includes('queued')).map(([state]) => state), ['sending'])
})

void t.test('an event of a recipient that does not exist changes nothing and says so', async (t) => {
  const ground = await tenantDatabase(t)
  const key = await queueOne(ground)
  const event = { status: 'sent' as const, occurredAt: new Date(), providerMessageId: 'p-1' }
  t.same(await recordDeliveryEvents(ground.db, [
    { ...event, ...key, phoneHash: Buffer.alloc(32) }, { ...event, ...key }, { ...event, messageId: '00000000-0000-7000-8000-000000000000', phoneHash: key.phoneHash }
  ]), [false, true, false])
  t.match(await stateOf(ground, key), { status: 'sent', provider_message_id: 'p-1' })
  t.equal((await ground.db.selectFrom('messages').select('status').executeTakeFirstOrThrow()).status, 'sent', 'with nothing left to send the message is done')
})

void t.test('shuffled and doubled reports end as they would have in order, in batches of any size', async (t) => {
  const ground = await tenantDatabase(t)
  const eventsOf = fc.array(fc.record({ recipient: fc.nat(3), status: fc.constantFrom(...reports), minute: fc.nat(50) }), { minLength: 1, maxLength: 15 })
  const plan = eventsOf.chain((events) => fc.record({
    inOrder: fc.constant([...events].sort((one, other) => one.minute - other.minute)),
    shuffled: fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
    batch: fc.integer({ min: 1, max: 10 })
  }))
  await fc.assert(fc.asyncProperty(plan, async ({ inOrder, shuffled, batch }) => {
    const outcomes = []
    for (const [events, size] of [[inOrder, 1], [shuffled, batch]] as const) {
      const keys = [await queueOne(ground), await queueOne(ground), await queueOne(ground), await queueOne(ground)]
      const toEvent = ({ recipient, status, minute }: typeof inOrder[number]): DeliveryEvent => ({
        ...keys[recipient]!, status, occurredAt: new Date(Date.UTC(2026, 0, 1, 0, minute)), providerMessageId: null, errorCode: status === 'failed' ? `E${String(minute)}` : null
      })
      for (let start = 0; start < events.length; start += size) await recordDeliveryEvents(ground.db, events.slice(start, start + size).map(toEvent))
      outcomes.push(await Promise.all(keys.map(async (key) => {
        const { status, error_code: error, sent_at: sent, failed_at: failed, delivered_at: delivered } = await stateOf(ground, key)
        return { status, error, sent, failed, delivered }
      })))
    }
    t.same(outcomes[1], outcomes[0])
  }), { numRuns: 60 })
})
