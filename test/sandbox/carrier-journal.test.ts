// What the carrier keeps in its data folder: numbers, texts and the key survive a restart, and a torn line does no harm.
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { buyNumber, getJson, postJson, startReceiver, until } from './receive-webhooks.js'

await t.test('Numbers, profiles, texts, counts and the key survive a restart, a torn last line included', async (t) => {
  const receiver = await startReceiver(t)
  const dataDir = t.testdir()
  const first = await startCarrier({ dataDir, orderDelayMs: 1, sentDelayMs: 1, finalDelayMs: 5 })
  const from = await buyNumber(first, receiver.url)
  await postJson(`${first.baseUrl}/messages`, { from, to: '+16155550123', text: 'Before', webhook_url: `${receiver.url}/status/a` })
  await postJson(`${first.url}/sandbox/inbound`, { from: '+16155550123', to: from, text: 'And back' })
  await until(async () => receiver.events.length === 3 || undefined)
  await first.close()
  const journal = join(dataDir, 'carrier.jsonl')
  appendFileSync(journal, '{"set":"message","value":{"id":"to')

  const second = await startCarrier({ dataDir, sentDelayMs: 1, finalDelayMs: 5 })
  t.teardown(() => second.close())
  t.equal(second.publicKey, first.publicKey)
  t.equal(statSync(join(dataDir, 'carrier-key.pem')).mode & 0o777, 0o600)
  const { items } = await getJson(`${second.url}/sandbox/messages`) as { items: unknown[] }
  t.match(items, [{ text: 'Before', status: 'delivered', to: '+16155550123' }, { text: 'And back', direction: 'inbound' }])
  t.match(await getJson(`${second.url}/sandbox/messages?from=%2B16155550123`), { items: [{ text: 'And back' }] })
  t.match(await getJson(`${second.baseUrl}/phone_numbers`), { data: [{ phone_number: from }] })
  await postJson(`${second.baseUrl}/messages`, { from, to: '+16155550123', text: 'After', webhook_url: `${receiver.url}/status/a` })
  t.match(await getJson(`${second.url}/sandbox/counts`), { accepted: 2, duplicates: 1, inbound: 1 })
  await until(async () => receiver.events.length >= 5 || undefined)
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(receiver.events.length, 5, 'what had ended before the restart is not told again')
  t.notMatch(readFileSync(journal, 'utf8'), '"id":"to')
})

await t.test('A text that a stop interrupted goes on after the next start, and so does an order', async (t) => {
  const receiver = await startReceiver(t)
  const dataDir = t.testdir()
  const first = await startCarrier({ dataDir, orderDelayMs: 1, sentDelayMs: 60_000, finalDelayMs: 60_000 })
  const from = await buyNumber(first, receiver.url)
  await postJson(`${first.baseUrl}/messages`, { from, to: '+16155550123', text: 'Hi' })
  await first.close()
  t.equal(receiver.events.length, 0)
  const second = await startCarrier({ dataDir, orderDelayMs: 60_000, sentDelayMs: 1, finalDelayMs: 5 })
  await until(async () => receiver.events.length === 2 || undefined)
  await postJson(`${second.baseUrl}/number_orders`, { phone_numbers: [{ phone_number: '+16155550177' }] })
  await second.close()
  const third = await startCarrier({ dataDir, orderDelayMs: 1 })
  t.teardown(() => third.close())
  await until(async () => {
    const { items } = await getJson(`${third.url}/sandbox/numbers`) as { items: unknown[] }
    return items.length === 2 || undefined
  })
})

await t.test('Old texts are forgotten, their count is not', async (t) => {
  const carrier = await startCarrier({ keepMessages: 3, deliver: false, orderDelayMs: 1 })
  t.teardown(() => carrier.close())
  const from = await buyNumber(carrier, 'http://127.0.0.1:9/hook')
  for (let index = 0; index < 5; index++) await postJson(`${carrier.baseUrl}/messages`, { from, to: '+16155550123', text: String(index) })
  const { items } = await getJson(`${carrier.url}/sandbox/messages`) as { items: Array<{ text: string, status: string }> }
  t.same(items.map(({ text }) => text), ['2', '3', '4'])
  t.equal(items[0]?.status, 'queued')
  t.match(await getJson(`${carrier.url}/sandbox/counts`), { accepted: 5 })
})

await t.test('A journal that is none stops the start and says which line', async (t) => {
  const dataDir = t.testdir()
  writeFileSync(join(dataDir, 'carrier.jsonl'), '{"set":"nonsense"}\n')
  await t.rejects(startCarrier({ dataDir }), { message: /Line 1 of .*carrier\.jsonl/ })
})
