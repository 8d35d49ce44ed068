// What we ask of the carrier is what it publishes: no field that it does not have, none of another type, none left out.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config.js'
import { createTelnyxCarrier } from '../../src/providers/telnyx/carrier.js'
import { carrierApiPath } from '../../src/sandbox/carrier/carrier.js'
import { publishedRequests } from '../../src/sandbox/carrier/published-requests.js'
import { startCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { buildTestApp } from '../helpers/build.js'
import { until } from '../helpers/until.js'

interface Asked { method: string, path: string, query: string, body: Record<string, unknown> | undefined }

const secrets = { NODE_ENV: 'test', JWT_SECRET: 'x'.repeat(32), MASTER_KEY: Buffer.alloc(32).toString('base64'), OPERATOR_TOKEN: 'x'.repeat(24) }
const unpublished: string[] = []
const sandbox = await startCarrier({ orderDelayMs: 10, onUnpublished: (what) => unpublished.push(what) })
t.teardown(() => sandbox.close())
const asked: Asked[] = []
const carrier = await carrierThrough(t, asked)

void t.test('everything that the service asks of a carrier is published', async (t) => {
  const [offer] = await carrier.availableNumbers({ areaCode: '512', limit: 2 })
  await carrier.availableNumbers({ limit: 2 })
  const phoneNumber = offer?.phoneNumber ?? ''
  const profile = await carrier.ensureMessagingProfile('church', 'https://one.example.org/webhooks/telnyx')
  await carrier.ensureMessagingProfile('church', 'https://two.example.org/webhooks/telnyx')
  await carrier.findOrder('ref-1')
  const { orderId } = await carrier.orderNumber({ phoneNumber, messagingProfileId: profile.id, reference: 'ref-1' })
  await until(async () => (await carrier.getOrder(orderId)).status === 'success')
  const owned = await carrier.findOwnedNumber(phoneNumber)
  await carrier.assignMessagingProfile(owned?.providerNumberId ?? '', profile.id)
  const text = { from: phoneNumber, to: '+16155550123', text: 'Welcome!', mediaUrls: [], statusUrl: 'https://one.example.org/webhooks/telnyx/status/token' }
  t.match(await carrier.send(text), { kind: 'accepted' })
  t.match(await carrier.send({ ...text, text: '', mediaUrls: ['https://one.example.org/picture.jpg'] }), { kind: 'accepted' })

  t.same(unpublished, [])
  t.same([...new Set(asked.map(operationOf))].sort(), [
    'GET /available_phone_numbers', 'GET /messaging_profiles', 'GET /number_orders', 'GET /number_orders/:id', 'GET /phone_numbers',
    'PATCH /messaging_profiles/:id', 'PATCH /phone_numbers/:id/messaging', 'POST /messages', 'POST /messaging_profiles', 'POST /number_orders'
  ])
})

void t.test('each of these requests with a strange field, a wrong type or something left out is refused, by the name of the field', async (t) => {
  t.ok(asked.length >= 10)
  for (const request of asked) {
    const names = Object.keys(request.body ?? {})
    const refused = async (changed: Partial<Asked>, field: string) => t.match(await ask({ ...request, ...changed }), { status: 422, detail: field }, `${request.method} ${request.path} ${field}`)
    await refused({ query: `${request.query}${request.query === '' ? '?' : '&'}colour=red` }, '/colour is not published')
    if (request.body === undefined) continue
    await refused({ body: { ...request.body, colour: 'red' } }, '/colour is not published')
    for (const name of names) await refused({ body: { ...request.body, [name]: { of: 'another type' } } }, `/${name}`)
    const required = publishedRequests[operationOf(request)]?.body?.required ?? []
    for (const name of required) await refused({ body: without(request.body, name) }, name)
  }
  t.same(Object.values(publishedRequests).flatMap(({ body }) => body?.required ?? []).sort(), ['name', 'to', 'whitelisted_destinations'])
  const [line] = asked.filter(({ path }) => path === '/number_orders').flatMap(({ body }) => body?.['phone_numbers'] as object[] | undefined ?? [])
  t.match(await ask({ method: 'POST', path: '/number_orders', query: '', body: { phone_numbers: [{ ...line, colour: 'red' }] } }), { status: 422, detail: '/phone_numbers/0/colour' }, 'also inside')
  t.match(await ask({ method: 'GET', path: '/phone_numbers', query: '?filter[status]=asleep', body: undefined }), { status: 422, detail: '/filter[status]' })
})

void t.test('a test fails in which something unpublished is asked, even if its answer is passed over', async (t) => {
  const ends: Array<() => Promise<void>> = []
  const { services, carrier } = await buildTestApp({ teardown: (end) => ends.push(end) }, { carrier: true })
  const answer = await fetch(`${carrier?.baseUrl ?? ''}/messages?colour=red`, { method: 'POST', headers: { authorization: 'Bearer x', 'content-type': 'application/json' }, body: '{"to":"+16155550123"}' })
  t.equal(answer.status, 422)
  await t.rejects(Promise.all(ends.map((end) => end())), { message: /asked what it does not publish.*colour/ })
  t.ok(services)
})

/** The production adapter, and what it asks on its way to the sandbox. */
async function carrierThrough (t: Test, asked: Asked[]) {
  const proxy = createServer((request, response) => {
    const record = async () => {
      const bytes = await buffer(request)
      const { pathname, search } = new URL(request.url ?? '', 'http://carrier')
      asked.push({ method: request.method ?? '', path: pathname, query: decodeURIComponent(search), body: bytes.length === 0 ? undefined : JSON.parse(bytes.toString()) as Record<string, unknown> })
      const answer = await fetch(sandbox.baseUrl + (request.url ?? ''), {
        method: request.method ?? '',
        headers: { authorization: request.headers.authorization ?? '', ...(bytes.length === 0 ? {} : { 'content-type': 'application/json' }) },
        ...(bytes.length === 0 ? {} : { body: bytes })
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
    }
    void record()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const TELNYX_BASE_URL = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const carrier = createTelnyxCarrier(loadConfig({ ...secrets, TELNYX_BASE_URL, TELNYX_API_KEY: 'KEY' }), pino({ level: 'silent' }))
  t.teardown(async () => {
    await carrier.close()
    proxy.close()
    proxy.closeAllConnections()
  })
  return carrier
}

async function ask ({ method, path, query, body }: Asked): Promise<{ status: number, detail: string }> {
  const headers = { authorization: 'Bearer x', ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
  const answer = await fetch(sandbox.baseUrl + path + query, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const { errors } = await answer.json() as { errors?: Array<{ detail: string }> }
  return { status: answer.status, detail: errors?.[0]?.detail ?? '' }
}

/** As the published table names it: ids are the paths' second part. */
function operationOf ({ method, path }: Pick<Asked, 'method' | 'path'>): string {
  return `${method} ${path.replace(carrierApiPath, '').replace(/^(\/[^/]+\/)[^/]+/, '$1:id')}`
}

function without (body: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([field]) => field !== name))
}
