import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config.js'
import { createTelnyxCarrier } from '../../../src/providers/telnyx/carrier.js'
import { startCarrier } from '../../../src/sandbox/carrier/start-carrier.js'

const secrets = { NODE_ENV: 'test', JWT_SECRET: 'x'.repeat(32), MASTER_KEY: Buffer.alloc(32).toString('base64'), OPERATOR_TOKEN: 'x'.repeat(24) }

function carrierAt (t: Test, baseUrl: string) {
  const carrier = createTelnyxCarrier(loadConfig({ ...secrets, TELNYX_BASE_URL: baseUrl, TELNYX_API_KEY: 'KEY' }), pino({ level: 'silent' }))
  t.teardown(() => carrier.close())
  return carrier
}

/** A carrier that answers every request alike, and what it was asked. */
async function answering (t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url?.split('?')[0] ?? ''}`)
    request.resume().on('end', () => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { asked, carrier: carrierAt(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`) }
}

const order = { phoneNumber: '+16155550100', messagingProfileId: 'p', reference: 'r' }
const json = (response: ServerResponse, status: number, body: object) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

void t.test('the whole way of a number: found, ordered, owned, set up', async (t) => {
  const running = await startCarrier({ orderDelayMs: 20 })
  t.teardown(() => running.close())
  const carrier = carrierAt(t, running.baseUrl)
  const [first, ...others] = await carrier.availableNumbers({ areaCode: '512', limit: 3 })
  t.equal(others.length, 2)
  t.match(first, { phoneNumber: /^\+1512/, locality: 'AUSTIN', region: 'TX', monthlyCostCents: 100 })
  const number = first?.phoneNumber ?? ''
  const profile = await carrier.ensureMessagingProfile('church', 'https://one.example.org/webhooks/telnyx')
  await carrier.ensureMessagingProfile('church two', 'https://two.example.org/webhooks/telnyx')
  t.same(await carrier.ensureMessagingProfile('church', 'https://new.example.org/webhooks/telnyx'), profile, 'the one of this name, moved to the new address')
  t.equal(await carrier.findOrder('ref-1'), undefined)
  t.equal(await carrier.findOwnedNumber(number), undefined)
  const placed = await carrier.orderNumber({ phoneNumber: number, messagingProfileId: profile.id, reference: 'ref-1' })
  t.equal(placed.status, 'pending')
  t.match(await carrier.findOrder('ref-1'), { orderId: placed.orderId })
  t.equal(await carrier.findOrder('ref'), undefined, 'a part of a reference is another reference')
  while ((await carrier.getOrder(placed.orderId)).status === 'pending') await new Promise((resolve) => setTimeout(resolve, 10))
  const owned = await carrier.findOwnedNumber(number)
  t.match(owned, { messagingProfileId: profile.id })
  t.not(owned?.providerNumberId, placed.orderId)
  const second = await carrier.ensureMessagingProfile('church two', 'https://two.example.org/webhooks/telnyx')
  await carrier.assignMessagingProfile(owned?.providerNumberId ?? '', second.id)
  t.match(await carrier.findOwnedNumber(number), { messagingProfileId: second.id })
  await t.rejects(carrier.orderNumber({ ...order, phoneNumber: number, messagingProfileId: profile.id }), { code: 'NUMBER_TAKEN', message: /no longer available/ })
})

void t.test('a purchase is asked for once, whatever the answer; a question is asked again', async (t) => {
  for (const status of [408, 409, 429, 500, 503]) {
    const { asked, carrier } = await answering(t, (_request, response) => json(response, status, { errors: [{ code: '1', title: 'No', detail: 'Not now' }] }))
    await t.rejects(carrier.orderNumber(order), { code: status === 409 ? 'NUMBER_TAKEN' : 'CARRIER_UNAVAILABLE' })
    t.same(asked, ['POST /number_orders'], `${status}`)
  }
  const { asked, carrier } = await answering(t, (_request, response) => response.destroy())
  await t.rejects(carrier.orderNumber(order), { code: 'CARRIER_UNAVAILABLE' })
  t.equal(asked.length, 1)
  await t.rejects(carrier.getOrder('x'), { code: 'CARRIER_UNAVAILABLE' })
  t.equal(asked.length, 4)
})

void t.test('a refusal is told from silence, with the carrier\'s own reason', async (t) => {
  for (const [status, code] of [[400, 'CARRIER_REFUSED'], [401, 'CARRIER_REFUSED'], [402, 'CARRIER_REFUSED'], [403, 'CARRIER_REFUSED'], [422, 'NUMBER_TAKEN']] as const) {
    const { carrier } = await answering(t, (_request, response) => json(response, status, { errors: [{ code: '20100', title: 'Insufficient Funds', detail: 'Top up the account.' }] }))
    await t.rejects(carrier.orderNumber(order), { code, message: /Top up the account\./ })
    await t.rejects(carrier.findOwnedNumber('+16155550100'), { code: 'CARRIER_REFUSED', message: /Top up the account\./ })
  }
  const { carrier } = await answering(t, (_request, response) => response.writeHead(403).end('<html>'))
  await t.rejects(carrier.orderNumber(order), { code: 'CARRIER_REFUSED' })
  const strange = await answering(t, (_request, response) => json(response, 200, { data: {} }))
  await t.rejects(strange.carrier.getOrder('x'), { code: 'CARRIER_UNAVAILABLE' }, 'an order without a status is no answer')
})
