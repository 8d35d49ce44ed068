import t from 'tap'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'
import { picture, smallPng, upload } from '../../helpers/upload.js'

const test = await buildTestApp(t, { carrier: true })
const { app } = test
const church = await test.signUp()
const api = apiOf(app, church)
const { number } = await test.addNumber(church)
const phones = ['+16155550141', '+16155550142']
for (const phone of phones) await api('POST', '/members', { firstName: 'Ruth', lastName: 'Cole', phone, optIn: { source: 'form' } })
const { body: media } = await upload(app, church, { content: await smallPng(), name: 'map.png' })
const later = () => new Date(Date.now() + 3600_000).toISOString()

interface AtCarrier { mediaUrls: string[], to: string }
const sentTo = async (phone: string) => (await (await fetch(`${test.carrier?.url ?? ''}/sandbox/messages?to=${encodeURIComponent(phone)}`)).json() as { items: AtCarrier[] }).items

void t.test('a file waits with a message that is to leave later, and can be deleted once that is over', async (t) => {
  const waiting = await api<{ id: string, mediaIds: string[] }>('POST', '/messages', { mediaIds: [media.id], to: { all: true }, sendAt: later() })
  t.match([waiting.status, waiting.body.mediaIds], [202, [media.id]])
  t.match(await api('DELETE', `/media/${media.id}`), { status: 409, code: 'MEDIA_IN_USE' })
  t.equal((await api('POST', `/messages/${waiting.body.id}/cancel`)).status, 200)
  const { body: other } = await upload(app, church, await smallPng())
  t.equal((await api('DELETE', `/media/${other.id}`)).status, 204)
})

void t.test('everybody of a broadcast gets the same address, signed when it leaves, at which the carrier gets the picture', async (t) => {
  await test.startWorker()
  const message = await api<{ id: string }>('POST', '/messages', { text: 'The way', mediaIds: [media.id], mediaUrls: ['https://example.org/a.png'], to: { all: true } })
  t.equal(message.status, 202)
  const urls = await Promise.all(phones.map(async (phone) => await until(async () => (await sentTo(phone))[0]?.mediaUrls)))
  t.strictSame(urls[0], urls[1])
  t.equal(urls[0]?.[0], 'https://example.org/a.png')
  const fetched = await fetch(urls[0]?.[1] ?? '')
  t.match([fetched.status, fetched.headers.get('content-type'), (await fetched.arrayBuffer()).byteLength], [200, 'image/png', media.size])
  await until(async () => (await api<{ status: string }>('GET', `/messages/${message.body.id}`)).body.status === 'sent')
})

void t.test('a reply shows its files in the conversation, and says so when one is deleted', async (t) => {
  await fetch(`${test.carrier?.url ?? ''}/sandbox/inbound`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ from: phones[0], to: number, text: 'Where is it?' }) })
  const conversation = await until(async () => (await api<{ items: Array<{ id: string }> }>('GET', '/conversations')).body.items[0])
  const { body: mine } = await upload(app, church, await smallPng())
  const reply = await api<{ media: unknown[], messageId: string }>('POST', `/conversations/${conversation.id}/messages`, { mediaIds: [mine.id], mediaUrls: ['https://example.org/b.png'] })
  t.match([reply.status, reply.body.media], [201, [
    { url: 'https://example.org/b.png', state: 'external', mediaId: null },
    { url: `/api/media/${mine.id}/content`, state: 'stored', mediaId: mine.id, contentType: 'image/png', size: mine.size }
  ]])
  await until(async () => (await api<{ status: string }>('GET', `/messages/${reply.body.messageId}`)).body.status === 'sent')
  t.equal((await api('DELETE', `/media/${mine.id}`)).status, 204)
  const shown = await api<{ items: Array<{ media: unknown[] }> }>('GET', `/conversations/${conversation.id}/messages`)
  t.match(shown.body.items[0]?.media, [{ state: 'external' }, { state: 'deleted', mediaId: null, url: null }])
})

void t.test('what cannot go out with a message is refused, and nothing is queued', async (t) => {
  const count = async () => (await api<{ items: unknown[] }>('GET', '/messages')).body.items.length
  const before = await count()
  const send = async (body: object) => {
    const { status, code } = await api('POST', '/messages', { to: { all: true }, ...body })
    return [status, code]
  }
  const studio = await test.signUp('studio')
  const { body: theirs } = await upload(app, studio, await smallPng())
  t.strictSame(await send({ mediaIds: [theirs.id] }), [404, 'MEDIA_NOT_FOUND'], 'another organization\'s')
  t.strictSame(await send({ mediaIds: [media.id, '0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70'] }), [404, 'MEDIA_NOT_FOUND'])
  t.strictSame(await send({ mediaIds: Array.from({ length: 6 }, () => media.id), mediaUrls: Array.from({ length: 5 }, (_, n) => `https://example.org/${n}`) }), [400, 'VALIDATION_FAILED'])
  t.strictSame(await send({ mediaIds: [] }), [400, 'VALIDATION_FAILED'])
  const large = await Promise.all([0, 1, 2].map(async () => (await upload(app, church, await (await picture(700, 700)).png().toBuffer())).body))
  const tooMuch = await api<{ detail: string }>('POST', '/messages', { to: { all: true }, mediaIds: [...large, ...large].map(({ id }) => id) })
  t.match([tooMuch.status, tooMuch.code, tooMuch.body.detail], [422, 'MEDIA_TOO_LARGE_TOGETHER', /\d+ KB together/])
  t.equal(await count(), before)
})
