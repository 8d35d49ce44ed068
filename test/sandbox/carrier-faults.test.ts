// Each fault a tester can switch on does what its name says, and the counts judge truly through all of them.
import t, { type Test } from 'tap'
import { startCarrier, type RunningCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { buyNumber, getJson, postJson, startReceiver, until, type Receiver } from './receive-webhooks.js'

interface Ground { carrier: RunningCarrier, receiver: Receiver, from: string, send (token?: string): Promise<{ status: number, body: unknown }> }

async function ground (t: Test): Promise<Ground> {
  const receiver = await startReceiver(t)
  const carrier = await startCarrier({ orderDelayMs: 1, sentDelayMs: 1, finalDelayMs: 20, retryDelaysMs: [10, 20] })
  t.teardown(() => carrier.close())
  const from = await buyNumber(carrier, receiver.url)
  const send = (token?: string) => postJson(`${carrier.baseUrl}/messages`, {
    from, to: '+16155550123', text: 'Hi', ...(token === undefined ? {} : { webhook_url: `${receiver.url}/status/${token}?x=1` })
  })
  return { carrier, receiver, from, send }
}

const faults = ({ carrier }: Ground, settings: object) => postJson(`${carrier.url}/sandbox/faults`, settings, 'PUT')
const counts = ({ carrier }: Ground) => getJson(`${carrier.url}/sandbox/counts`)

await t.test('A recipient token accepted more than once is counted as a duplicate; sends without a webhook are not compared', async (t) => {
  const it = await ground(t)
  for (const token of ['a', 'b', 'a', 'a']) t.equal((await it.send(token)).status, 200)
  await it.send()
  await it.send()
  t.match(await counts(it), { accepted: 6, duplicates: 2 })
  const cleared = await fetch(`${it.carrier.url}/sandbox/messages`, { method: 'DELETE' })
  t.equal(cleared.status, 204)
  t.match(await counts(it), { accepted: 0, duplicates: 0 })
})

await t.test('Fault settings out of bounds are refused, and what is left out is off', async (t) => {
  const it = await ground(t)
  t.match(await faults(it, { loseWebhook: 1.5 }), { status: 422, body: { errors: [{ path: '/loseWebhook' }] } })
  t.equal((await faults(it, { looseWebhook: 1 })).status, 422)
  t.match((await faults(it, { latencyMs: 5, reject429: 0.5 })).body, { latencyMs: 5, reject429: 0.5, reject5xx: 0 })
  t.match((await faults(it, {})).body, { latencyMs: 0, reject429: 0 })
})

await t.test('Sends refused with 429 or 5xx are not accepted', async (t) => {
  const it = await ground(t)
  await faults(it, { reject429: 1 })
  t.match(await it.send('a'), { status: 429, body: { errors: [{ code: '10011' }] } })
  await faults(it, { reject5xx: 1 })
  t.ok([500, 503].includes((await it.send('a')).status))
  t.match(await counts(it), { accepted: 0 })
})

await t.test('A reset comes after the text was accepted, and its events still come', async (t) => {
  const it = await ground(t)
  await faults(it, { resetAfterAccept: 1 })
  await t.rejects(it.send('a'), { message: 'fetch failed' })
  t.match(await counts(it), { accepted: 1 })
  await until(async () => it.receiver.events.length === 2 || undefined)
})

await t.test('Latency delays the answer, not the acceptance', async (t) => {
  const it = await ground(t)
  await faults(it, { latencyMs: 300 })
  const answer = it.send('a')
  await until(async () => (await counts(it) as { accepted: number }).accepted === 1 || undefined)
  let answered = false
  void answer.then(() => { answered = true })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.notOk(answered)
  t.equal((await answer).status, 200)
})

await t.test('A lost event never comes', async (t) => {
  const it = await ground(t)
  await faults(it, { loseWebhook: 1 })
  await it.send('a')
  await until(async () => (await counts(it) as { webhooks: { lost: number } }).webhooks.lost === 2 || undefined)
  t.equal(it.receiver.events.length, 0)
})

await t.test('A doubled event comes twice under one id', async (t) => {
  const it = await ground(t)
  await faults(it, { duplicateWebhook: 1 })
  await it.send('a')
  await until(async () => it.receiver.events.length === 4 || undefined)
  t.equal(new Set(it.receiver.events.map(({ id }) => id)).size, 2)
})

await t.test('Shuffled events overtake each other', async (t) => {
  const it = await ground(t)
  await faults(it, { shuffleWebhooks: 0.5, seed: 7 })
  await Promise.all(Array.from({ length: 20 }, (_, index) => it.send(`token-${index}`)))
  await until(async () => it.receiver.events.length === 40 || undefined)
  const overtaken = Array.from({ length: 20 }, (_, index) => {
    const types = it.receiver.events.filter(({ path }) => path.includes(`/token-${index}?`)).map(({ type }) => type)
    return types[0] === 'message.finalized'
  })
  t.ok(overtaken.includes(true), 'a final event came before its sent event')
  t.ok(overtaken.includes(false))
})

await t.test('A webhook that fails is tried three times, then the failover', async (t) => {
  const it = await ground(t)
  it.receiver.answers.splice(0, 1, 500, 500, 500, 200)
  await faults(it, {})
  const { body } = await postJson(`${it.carrier.baseUrl}/messages`, {
    from: it.from, to: '+16155550669', text: 'Hi', webhook_url: `${it.receiver.url}/first`, webhook_failover_url: `${it.receiver.url}/second`
  })
  t.match(body, { data: { webhook_failover_url: `${it.receiver.url}/second` } })
  await until(async () => it.receiver.events.length === 4 || undefined)
  t.same(it.receiver.events.map(({ path }) => path), ['/hook/first', '/hook/first', '/hook/first', '/hook/second'])
  t.same(it.receiver.events.map((event) => (event.body as { meta: { attempt: number } }).meta.attempt), [1, 2, 3, 1])
  t.equal(new Set(it.receiver.events.map(({ id }) => id)).size, 1)
})
