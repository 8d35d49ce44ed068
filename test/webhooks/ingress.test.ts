// What the way in believes, keeps and answers.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { loadSigningKey } from '../../src/sandbox/carrier/signing-key.js'
import { openGround } from './ground.js'
import { eventBody, inboundBody, post, signingKey } from './post-telnyx.js'

const text = { from: '+16155550001', to: '+16155550100', text: 'Hello' }

await t.test('a signed event is kept as the bytes that were sent, with one wake-up, and answered 200', async (t) => {
  const { app, services: { registryPool: pool } } = await openGround(t)
  const body = inboundBody({ ...text, text: 'Grüße \u0000 \ud800 👋', id: 'event-1' })
  const answer = await post(app, { body })
  t.equal(answer.statusCode, 200)
  t.same(answer.json(), { received: true })
  const { rows } = await pool.query('SELECT provider, event_id, route_token, payload, status, attempts FROM webhook_events')
  t.same(rows, [{ provider: 'telnyx', event_id: 'event-1', route_token: null, payload: Buffer.from(body), status: 'received', attempts: 0 }])
  const jobs = await pool.query('SELECT task_identifier, key FROM graphile_worker.jobs')
  t.same(jobs.rows, [{ task_identifier: 'webhooks.process', key: 'webhooks.process' }])
})

await t.test('a forged, stale, early or unsigned event is refused and leaves no row', async (t) => {
  const { app, services: { registryPool: pool } } = await openGround(t)
  const body = inboundBody(text)
  const now = Math.floor(Date.now() / 1000)
  const forger = loadSigningKey()
  const cases: Array<[string, Partial<Parameters<typeof post>[1]>, string]> = [
    ['another key', { signature: forger.sign(String(now), body), timestamp: now }, 'WEBHOOK_SIGNATURE_INVALID'],
    ['another body', { signature: signingKey.sign(String(now), `${body} `), timestamp: now }, 'WEBHOOK_SIGNATURE_INVALID'],
    ['another time', { signature: signingKey.sign(String(now - 1), body), timestamp: now }, 'WEBHOOK_SIGNATURE_INVALID'],
    ['no signature', { signature: '' }, 'WEBHOOK_SIGNATURE_INVALID'],
    ['a short signature', { signature: 'AAAA' }, 'WEBHOOK_SIGNATURE_INVALID'],
    ['a time that is none', { timestamp: 'soon' }, 'WEBHOOK_SIGNATURE_INVALID'],
    ['six minutes old', { timestamp: now - 360 }, 'WEBHOOK_STALE'],
    ['six minutes early', { timestamp: now + 360 }, 'WEBHOOK_STALE']
  ]
  for (const [name, posting, code] of cases) {
    const answer = await post(app, { body, ...posting })
    t.match({ status: answer.statusCode, code: answer.json<{ code: string }>().code }, { status: 401, code }, name)
  }
  t.equal((await post(app, { body, timestamp: now - 290 })).statusCode, 200, 'five minutes are allowed')
  t.equal(await countEvents(pool), 1)
})

await t.test('a signed body that is no event is refused and leaves no row', async (t) => {
  const { app, services: { registryPool: pool } } = await openGround(t)
  for (const body of ['', '{', 'null', '[]', '{"data":{}}', '{"data":{"id":7,"event_type":"x","payload":{}}}', '{"data":{"id":"a","event_type":"x"}}',
    JSON.stringify({ data: { id: 'a\u0000b', event_type: 'x', payload: {} } }), JSON.stringify({ data: { id: 'x'.repeat(201), event_type: 'x', payload: {} } })]) {
    const answer = await post(app, { body })
    t.match({ status: answer.statusCode, code: answer.json<{ code: string }>().code }, { status: 400, code: 'WEBHOOK_MALFORMED' }, body.slice(0, 40))
  }
  const huge = await post(app, { body: JSON.stringify({ data: { id: 'huge', event_type: 'x', payload: { text: 'x'.repeat(2 * 1024 * 1024) } } }) })
  t.equal(huge.statusCode, 413)
  t.equal(await countEvents(pool), 0)
})

await t.test('one event posted many times at once is one row, and 200 each time', async (t) => {
  const { app, services } = await openGround(t)
  const { registryPool: pool } = services
  const body = inboundBody(text)
  const answers = await Promise.all(Array.from({ length: 100 }, () => post(app, { body })))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.equal(await countEvents(pool), 1)
  await pool.query('UPDATE webhook_events SET status = \'processed\', payload = NULL')
  t.equal((await post(app, { body })).statusCode, 200)
  const { rows } = await pool.query('SELECT status, payload FROM webhook_events')
  t.same(rows, [{ status: 'processed', payload: null }], 'a late duplicate changes nothing')
  const { values } = await services.metrics.webhooks.get()
  t.same(values.map(({ labels, value }) => [labels.outcome, value]), [['recorded', 1], ['duplicate', 100]])
})

await t.test('events that arrive together share commits', async (t) => {
  const { app, services: { registryPool: pool } } = await openGround(t)
  await Promise.all(Array.from({ length: 300 }, () => post(app, { body: inboundBody(text) })))
  t.equal(await countEvents(pool), 300)
  const { rows } = await pool.query<{ transactions: number }>('SELECT count(DISTINCT xmin::text)::int AS transactions FROM webhook_events')
  t.ok(rows[0]!.transactions < 60, `${rows[0]!.transactions} transactions for 300 events`)
})

await t.test('a status callback keeps its token; a path that cannot be one is kept too', async (t) => {
  const { app, services: { registryPool: pool } } = await openGround(t)
  const status = (id: string) => eventBody('message.finalized', { to: [{ phone_number: '+16155550001', status: 'delivered' }] }, id)
  t.equal((await post(app, { path: '/webhooks/telnyx/status/abc.DEF-_', body: status('one') })).statusCode, 200)
  t.equal((await post(app, { path: '/webhooks/telnyx/status/a%00b', body: status('two') })).statusCode, 200)
  const { rows } = await pool.query('SELECT event_id, route_token FROM webhook_events ORDER BY event_id')
  t.same(rows, [{ event_id: 'one', route_token: 'abc.DEF-_' }, { event_id: 'two', route_token: '' }])
})

await t.test('without the carrier\'s public key the answer says which setting is missing', async (t) => {
  const { app } = await openGround(t, { TELNYX_PUBLIC_KEY: undefined } as never)
  const answer = await post(app, { body: inboundBody(text) })
  t.equal(answer.statusCode, 503)
  t.match(answer.json<{ detail: string }>().detail, /TELNYX_PUBLIC_KEY/)
  t.ok(answer.headers['retry-after'])
})

await t.test('a lost registry is answered 503, and the same event is taken when it is back', async (t) => {
  const { app, services: { registryPool: pool } } = await openGround(t)
  const body = inboundBody({ ...text, id: randomUUID() })
  await pool.query('ALTER TABLE webhook_events RENAME TO gone')
  const answer = await post(app, { body })
  t.match({ status: answer.statusCode, code: answer.json<{ code: string }>().code }, { status: 503, code: 'DATABASE_UNAVAILABLE' })
  await pool.query('ALTER TABLE gone RENAME TO webhook_events')
  t.equal((await post(app, { body })).statusCode, 200)
  t.equal(await countEvents(pool), 1)
})

type Pool = Awaited<ReturnType<typeof openGround>>['services']['registryPool']

async function countEvents (pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int FROM webhook_events')
  return rows[0]!.count
}
