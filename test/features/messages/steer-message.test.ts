// Pausing, resuming and cancelling a broadcast: what is kept back, what goes out, and the account of it.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { finishMessages } from '../../../src/features/messages/finish-messages.js'
import { type Message } from '../../../src/features/messages/schemas.js'
import { type MessageState, messageStates, messageTransitions } from '../../../src/features/messages/states.js'
import { type SendOutcome } from '../../../src/providers/carrier.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp, type BuildOptions } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

type Tap = Parameters<typeof buildTestApp>[0]

async function open (t: Tap, members: number, options: BuildOptions = {}) {
  const app = await buildTestApp(t, options)
  const organization = await app.signUp()
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  const { tenantId } = organization
  const inTenant = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => app.services.tenancy.withTenant(tenantId, use)
  await inTenant((db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, members))
  const send = async (text = 'Hello all', more = {}) => (await api<Message>('POST', '/messages', { text, to: { all: true }, ...more })).body
  const read = async (id: string) => (await api<Message>('GET', `/messages/${id}`)).body
  const carrierCounts = async () => await (await fetch(`${app.carrier!.url}/sandbox/counts`)).json() as { accepted: number, duplicates: number }
  return { app, api, tenantId, inTenant, send, read, carrierCounts }
}

/** Waits for `accepted` texts at a carrier slow enough that a broadcast of 200 takes seconds. */
async function midway ({ app, carrierCounts }: Awaited<ReturnType<typeof open>>, accepted: number): Promise<void> {
  await until(async () => (await carrierCounts()).accepted >= accepted)
  t.ok(app.carrier)
}
const slowly = { carrier: true, config: { SEND_CONCURRENCY: 4 } }
const slow = async ({ app }: Awaited<ReturnType<typeof open>>) => await fetch(`${app.carrier!.url}/sandbox/faults`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"latencyMs":25}' })

void t.test('a paused broadcast keeps back what no worker has, counts exactly, and goes on where it was', async (t) => {
  const ground = await open(t, 200, slowly)
  await slow(ground)
  await ground.app.startWorker()
  const { id } = await ground.send()
  await midway(ground, 20)
  const paused = await ground.api<Message>('POST', `/messages/${id}/pause`)
  t.match(paused, { status: 200, body: { status: 'paused' } })
  const kept = paused.body.counts['queued']
  t.ok(kept > 50, `${kept} were kept back`)
  t.match(await ground.api('POST', `/messages/${id}/pause`), { status: 200, body: { status: 'paused' } }, 'twice is once')
  const settled = await until(async () => {
    const now = await ground.read(id)
    return now.counts['sending'] === 0 && now.counts['sent'] === 0 && now
  })
  t.match(settled, { status: 'paused', counts: { queued: kept, delivered: 200 - kept } })
  t.equal((await ground.carrierCounts()).accepted, 200 - kept, 'exactly those that had been taken went out')
  await pause(300)
  t.same((await ground.read(id)).counts, settled.counts)

  t.match(await ground.api('POST', `/messages/${id}/resume`), { status: 200, body: { status: 'sending' } })
  t.match(await ground.api('POST', `/messages/${id}/resume`), { status: 200 }, 'twice is once')
  await until(async () => (await ground.read(id)).counts['delivered'] === 200)
  t.match(await ground.carrierCounts(), { accepted: 200, duplicates: 0 })
  t.match(await ground.api('POST', `/messages/${id}/resume`), { status: 409, code: 'MESSAGE_STATE_CONFLICT' })
})

void t.test('a cancelled broadcast keeps back the rest for good, with an exact account of who got it', async (t) => {
  const ground = await open(t, 200, slowly)
  await slow(ground)
  await ground.app.startWorker()
  const { id } = await ground.send()
  await midway(ground, 20)
  const cancelled = await ground.api<Message>('POST', `/messages/${id}/cancel`)
  t.match(cancelled, { status: 200, body: { status: 'cancelled', counts: { queued: 0 } } })
  const kept = cancelled.body.counts['cancelled']
  t.ok(kept > 50, `${kept} were cancelled`)
  const settled = await until(async () => {
    const now = await ground.read(id)
    return now.counts['sending'] === 0 && now.counts['sent'] === 0 && now
  })
  t.match(settled, { status: 'cancelled', counts: { queued: 0, cancelled: kept, delivered: 200 - kept } })
  t.equal((await ground.carrierCounts()).accepted, 200 - kept)
  t.match(await ground.api('POST', `/messages/${id}/cancel`), { status: 200, body: { counts: settled.counts } }, 'twice is once')
  for (const verb of ['pause', 'resume']) t.match(await ground.api('POST', `/messages/${id}/${verb}`), { status: 409, code: 'MESSAGE_STATE_CONFLICT' }, verb)
})

void t.test('one for later can be paused, resumed and cancelled before its time', async (t) => {
  const ground = await open(t, 2, { carrier: true })
  await ground.app.startWorker()
  const soon = () => ({ sendAt: new Date(Date.now() + 1_500).toISOString() })
  const [held, gone, resumed] = [await ground.send('held', soon()), await ground.send('gone', soon()), await ground.send('resumed', soon())]
  t.match(await ground.api('POST', `/messages/${held.id}/pause`), { body: { status: 'paused' } })
  t.match(await ground.api('POST', `/messages/${gone.id}/cancel`), { body: { status: 'cancelled', counts: { queued: 0 } } })
  await ground.api('POST', `/messages/${resumed.id}/pause`)
  t.match(await ground.api('POST', `/messages/${resumed.id}/resume`), { body: { status: 'scheduled' } })
  await until(async () => (await ground.read(resumed.id)).counts['delivered'] === 2)
  t.match([await ground.read(held.id), await ground.read(gone.id)], [{ status: 'paused', counts: { delivered: 0 } }, { status: 'cancelled', counts: { delivered: 0 } }])
  t.match(await ground.api('POST', `/messages/${held.id}/resume`), { status: 200 }, 'its time has come meanwhile')
  await until(async () => (await ground.read(held.id)).counts['delivered'] === 2)
  t.equal((await ground.carrierCounts()).accepted, 4)
})

void t.test('each verb leads from each state exactly where the table says', async (t) => {
  const ground = await open(t, 1)
  const { id } = await ground.send()
  const leads: Record<string, (state: MessageState) => MessageState | undefined> = {
    pause: (state) => state === 'paused' || messageTransitions[state].includes('paused') ? 'paused' : undefined,
    cancel: (state) => state === 'cancelled' || messageTransitions[state].includes('cancelled') ? 'cancelled' : undefined,
    resume: (state) => state === 'paused' ? 'scheduled' : state === 'scheduled' || state === 'sending' ? state : undefined
  }
  for (const state of messageStates) {
    for (const [verb, leadsTo] of Object.entries(leads)) {
      await ground.inTenant((db) => db.updateTable('messages').set({ status: state, paused_from: state === 'paused' ? 'scheduled' : null }).where('id', '=', id).execute())
      const expected = leadsTo(state)
      const answer = await ground.api('POST', `/messages/${id}/${verb}`)
      t.match(answer, expected === undefined ? { status: 409, code: 'MESSAGE_STATE_CONFLICT' } : { status: 200, body: { status: expected } }, `${verb} when ${state}`)
      if (expected === undefined) t.equal((await ground.read(id)).status, state)
    }
  }
})

void t.test('a message is done exactly from the states that the table lets end, when nothing of it waits', async (t) => {
  const ground = await open(t, 1)
  const { id } = await ground.send()
  await ground.inTenant((db) => db.deleteFrom('message_queue').execute())
  for (const state of messageStates) {
    for (const pausedFrom of state === 'paused' ? ['sending', 'scheduled'] as const : [null]) {
      await ground.inTenant((db) => db.updateTable('messages').set({ status: state, paused_from: pausedFrom }).where('id', '=', id).execute())
      await ground.inTenant(finishMessages)
      // One that has not started has nothing in the outbox yet.
      const ends = messageTransitions[state].includes('sent') && pausedFrom !== 'scheduled'
      t.equal((await ground.read(id)).status, ends ? 'sent' : state, `${state} ${pausedFrom ?? ''}`)
    }
  }
})

void t.test('a text to one person is not paused, cancelled or tried again', async (t) => {
  const ground = await open(t, 1)
  const { id } = await ground.send()
  await ground.inTenant((db) => sql`UPDATE messages SET kind = 'reply'`.execute(db))
  for (const verb of ['pause', 'resume', 'cancel', 'retry-failed']) {
    t.match(await ground.api('POST', `/messages/${id}/${verb}`, verb === 'retry-failed' ? {} : undefined), { status: 409, code: 'MESSAGE_NOT_BROADCAST' }, verb)
  }
})

void t.test('what did not leave of a message that was paused or cancelled meanwhile is kept back or cancelled', async (t) => {
  const ground = await open(t, 4)
  const ids = [(await ground.send('paused')).id, (await ground.send('cancelled')).id]
  let steered: Promise<unknown> | undefined
  const send = async (): Promise<SendOutcome> => {
    steered ??= Promise.all([ground.api('POST', `/messages/${ids[0]!}/pause`), ground.api('POST', `/messages/${ids[1]!}/cancel`)])
    await steered
    return { kind: 'not_sent', reason: 'ECONNREFUSED' }
  }
  const { services } = ground.app
  await dispatch({ ...services, config: { ...services.config, SEND_CONCURRENCY: 64 }, carrier: { ...services.carrier, send } }, ground.tenantId, new AbortController().signal)
  t.match(await ground.read(ids[0]!), { status: 'paused', counts: { queued: 4, sending: 0 } })
  t.match(await ground.read(ids[1]!), { status: 'cancelled', counts: { queued: 0, sending: 0, cancelled: 4 } })
  t.equal((await ground.inTenant((db) => db.selectFrom('message_queue').select('message_id').execute())).length, 4)
})

void t.test('thousands of paused texts stand in nobody\'s way, and call no worker', async (t) => {
  const ground = await open(t, 5_000)
  const { id } = await ground.send('first')
  await ground.api('POST', `/messages/${id}/pause`)
  const sent: string[] = []
  const { services } = ground.app
  const send = async ({ text }: { text: string }): Promise<SendOutcome> => {
    sent.push(text)
    return { kind: 'accepted', providerMessageId: `p-${sent.length}` }
  }
  const [member] = await ground.inTenant((db) => db.selectFrom('members').select('id').limit(1).execute())
  await ground.api('POST', '/messages', { text: 'second', to: { memberIds: [member!.id] } })
  await services.registry.transaction().execute((trx) => sql`DELETE FROM graphile_worker._private_jobs`.execute(trx))
  await dispatch({ ...services, carrier: { ...services.carrier, send } }, ground.tenantId, new AbortController().signal)
  t.same(sent, ['second'])
  const { rows } = await sql<{ key: string }>`SELECT key FROM graphile_worker.jobs WHERE key LIKE 'dispatch%' AND key NOT LIKE 'dispatch-net%'`.execute(services.registry)
  t.same(rows, [], 'the paused ones bring no further visit')
})
