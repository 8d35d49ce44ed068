// The carrier as the real Telnyx SDK and a webhook receiver see it.
import { createPublicKey, verify } from 'node:crypto'
import Telnyx, { APIError } from 'telnyx'
import t from 'tap'
import { startCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { buyNumber, getJson, postJson, startReceiver, until } from './receive-webhooks.js'

await t.test('The Telnyx SDK finds, orders and sets up a number, sends a text, and hears that it arrived', async (t) => {
  const receiver = await startReceiver(t)
  const carrier = await startCarrier({ orderDelayMs: 30, sentDelayMs: 20, finalDelayMs: 60 })
  t.teardown(() => carrier.close())
  const client = new Telnyx({ apiKey: 'KEY_anything', baseURL: carrier.baseUrl })

  const offer = await client.availablePhoneNumbers.list({ filter: { national_destination_code: '615', country_code: 'US', limit: 3, features: ['sms', 'mms'] } })
  t.equal(offer.data?.length, 3)
  const phoneNumber = offer.data?.[0]?.phone_number ?? ''
  t.match(phoneNumber, /^\+1615556\d{4}$/)

  const created = await client.numberOrders.create({ phone_numbers: [{ phone_number: phoneNumber }] })
  t.equal(created.data?.status, 'pending')
  const during = await client.availablePhoneNumbers.list({ filter: { national_destination_code: '615' } })
  t.notOk(during.data?.some((number) => number.phone_number === phoneNumber), 'a number on order is not offered again')
  const order = await until(async () => {
    const { data } = await client.numberOrders.retrieve(created.data?.id ?? '')
    return data?.status === 'pending' ? undefined : data
  })
  t.equal(order.status, 'success')

  const owned = (await client.phoneNumbers.list({ filter: { phone_number: phoneNumber } })).data[0]
  t.equal(owned?.phone_number, phoneNumber)
  const numberId = owned?.id ?? ''
  t.not(numberId, order.id)
  t.not(numberId, order.phone_numbers?.[0]?.id)

  const profile = await client.messagingProfiles.create({ name: 'Grace Church', whitelisted_destinations: ['US'], webhook_url: receiver.url })
  const profileId = profile.data?.id ?? ''
  t.match(await refusal(client.messages.send({ from: phoneNumber, to: '+16155550123', text: 'Too early' }, { maxRetries: 0 })), { status: 400, code: '40305' })
  const settings = await client.phoneNumbers.messaging.update(numberId, { messaging_profile_id: profileId })
  t.equal(settings.data?.messaging_profile_id, profileId)
  t.equal((await client.phoneNumbers.messaging.retrieve(numberId)).data?.messaging_profile_id, profileId)

  const sent = await client.messages.send({
    from: phoneNumber, to: '+16155550123', text: 'Welcome!', webhook_url: `${receiver.url}/status/token-1`
  }, { maxRetries: 0 })
  t.match(sent.data, { direction: 'outbound', to: [{ status: 'queued' }], parts: 1, encoding: 'GSM-7', type: 'SMS', errors: [] })
  await until(async () => receiver.events.length === 2 || undefined)
  t.same(receiver.events.map(({ type }) => type), ['message.sent', 'message.finalized'])
  t.same(receiver.events.map(({ path }) => path), ['/hook/status/token-1', '/hook/status/token-1'])
  t.match(receiver.events[1]?.body, {
    data: { record_type: 'event', payload: { id: sent.data?.id, to: [{ status: 'delivered', phone_number: '+16155550123' }], completed_at: String } },
    meta: { attempt: 1, delivered_to: `${receiver.url}/status/token-1` }
  })
  const settled = await client.messages.retrieve(sent.data?.id ?? '')
  t.match(settled.data, { to: [{ status: 'delivered' }], text: 'Welcome!' })

  const updated = await client.messagingProfiles.update(profileId, { webhook_url: `${receiver.url}/moved` })
  t.equal(updated.data?.webhook_url, `${receiver.url}/moved`)
  await client.phoneNumbers.delete(numberId)
  t.equal((await client.phoneNumbers.list()).data.length, 0)
})

await t.test('Events are signed over the raw bytes with the key the carrier names', async (t) => {
  const receiver = await startReceiver(t)
  const carrier = await startCarrier({ orderDelayMs: 1 })
  t.teardown(() => carrier.close())
  const number = await buyNumber(carrier, receiver.url)
  await postJson(`${carrier.url}/sandbox/inbound`, { from: '+16155550142', to: number, text: 'Grüße 🙏', mediaUrls: ['https://example.com/a.jpg'] })
  const event = await until(async () => receiver.events[0])
  t.match(event.body, {
    data: {
      event_type: 'message.received',
      payload: {
        direction: 'inbound',
        type: 'MMS',
        encoding: 'UCS-2',
        text: 'Grüße 🙏',
        from: { phone_number: '+16155550142' },
        to: [{ phone_number: number }],
        media: [{ url: 'https://example.com/a.jpg' }]
      }
    }
  })
  const raw = Buffer.from(carrier.publicKey, 'base64')
  t.equal(raw.length, 32)
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
  const signed = Buffer.from(`${event.timestamp}|${event.raw}`)
  t.ok(verify(null, signed, key, Buffer.from(event.signature, 'base64')))
  t.notOk(verify(null, Buffer.from(`${event.timestamp}|${event.raw} `), key, Buffer.from(event.signature, 'base64')))
  t.ok(Math.abs(Date.now() / 1_000 - Number(event.timestamp)) < 10)
})

await t.test('Texting a number that nobody bought is refused with words that help', async (t) => {
  const carrier = await startCarrier()
  t.teardown(() => carrier.close())
  const answer = await postJson(`${carrier.url}/sandbox/inbound`, { from: '+16155550142', to: '+16155550199', text: 'Hello?' })
  t.equal(answer.status, 404)
  t.match(answer.body, { title: 'No such number', detail: /GET \/sandbox\/numbers/ })
  const malformed = await postJson(`${carrier.url}/sandbox/inbound`, { from: 'me', to: '+16155550199', text: 'Hello?' })
  t.match(malformed, { status: 422, body: { errors: [{ path: '/from' }] } })
})

await t.test('A request without a key, and a body that does not fit, get errors in the shape of Telnyx', async (t) => {
  const carrier = await startCarrier()
  t.teardown(() => carrier.close())
  const bare = await fetch(`${carrier.baseUrl}/messages`, { method: 'POST' })
  t.equal(bare.status, 401)
  t.match(await bare.json(), { errors: [{ code: '10009', title: 'Authentication failed', detail: String }] })
  const client = new Telnyx({ apiKey: 'k', baseURL: carrier.baseUrl, maxRetries: 0 })
  t.match(await refusal(client.messages.send({ to: '+16155550123', from: '+16155550100', text: 'Hi' })), { status: 400, code: '40305' })
  t.match(await refusal(client.messages.send({ to: '+16155550123', messaging_profile_id: 'none', text: 'Hi' })), { code: '40321' })
  t.match(await refusal(client.messages.retrieve('nothing')), { status: 404, code: '10005' })
  const number = await buyNumber(carrier, 'http://127.0.0.1:9/hook')
  t.match(await refusal(client.messages.send({ to: '6155550123', from: number, text: 'Hi' })), { code: '40310' })
  t.match(await refusal(client.messages.send({ to: '+16155550123', from: number })), { code: '40316' })
  t.match(await refusal(client.messages.send({ to: '+16155550123', from: number, text: 'x'.repeat(1_531) })), { code: '40302' })
  t.match(await refusal(client.messages.send({ to: '+16155550123', from: number, media_urls: Array.from({ length: 11 }, () => 'https://e.com/i.png') })), { code: '40317' })
  t.match(await getJson(`${carrier.url}/sandbox/counts`), { accepted: 0 })
})

await t.test('A taken number cannot be ordered, and of two orders at once one fails', async (t) => {
  const carrier = await startCarrier({ orderDelayMs: 50 })
  t.teardown(() => carrier.close())
  const client = new Telnyx({ apiKey: 'k', baseURL: carrier.baseUrl, maxRetries: 0 })
  const order = { phone_numbers: [{ phone_number: '+16155550150' }] }
  const both = await Promise.all([client.numberOrders.create(order), client.numberOrders.create(order)])
  const ended = await Promise.all(both.map(({ data }) => until(async () => {
    const status = (await client.numberOrders.retrieve(data?.id ?? '')).data?.status
    return status === 'pending' ? undefined : status
  })))
  t.same(ended.sort(), ['failure', 'success'])
  t.match(await refusal(client.numberOrders.create(order)), { status: 422 })
})

await t.test('Some phones force an outcome', async (t) => {
  const receiver = await startReceiver(t)
  const carrier = await startCarrier({ orderDelayMs: 1, sentDelayMs: 1, finalDelayMs: 20 })
  t.teardown(() => carrier.close())
  const from = await buyNumber(carrier, receiver.url)
  const client = new Telnyx({ apiKey: 'k', baseURL: carrier.baseUrl, maxRetries: 0 })
  await client.messages.send({ from, to: '+16155550666', text: 'Hi' })
  await until(async () => receiver.events.length === 2 || undefined)
  t.match(receiver.events[0]?.body, { data: { payload: { to: [{ status: 'sent' }], errors: [] } } })
  t.match(receiver.events[1]?.body, { data: { event_type: 'message.finalized', payload: { to: [{ status: 'delivery_failed' }], errors: [{ code: '40001', title: 'Not routable' }] } } })
  t.match(await refusal(client.messages.send({ from, to: '+16155550661', text: 'Hi' })), { code: '40300' })
})

/** The status and Telnyx code with which a call was refused. */
async function refusal (call: PromiseLike<unknown>): Promise<{ status: unknown, code: string | undefined }> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof APIError)) throw error
    const { errors } = error.error as { errors: Array<{ code: string }> }
    return { status: error.status, code: errors[0]?.code }
  }
  throw new Error('The call was not refused')
}
