// A picture the whole way: from an upload to a phone of the sandbox, and from that phone into the inbox.
import t from 'tap'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'
import { picture, smallPng, upload } from '../../helpers/upload.js'

interface OnPhone { status: string, media: Array<{ path: string | null, type: string | null, name: string | null }> }
interface InInbox { text: string, media: Array<{ url: string, state: string, contentType: string | null }> }

const test = await buildTestApp(t, { carrier: true, config: { INBOUND_MEDIA_PRIVATE: true } })
const { app } = test
const sandbox = `${test.carrier?.url ?? ''}/sandbox`
const church = await test.signUp()
const api = apiOf(app, church)
const { number } = await test.addNumber(church)
const phone = '+16155550141'
await api('POST', '/members', { firstName: 'Ruth', lastName: 'Cole', phone, optIn: { source: 'form' } })
await test.startWorker()

void t.test('a phone shows the bytes that were uploaded, with the name they had', async (t) => {
  const content = await smallPng()
  const { body: media } = await upload(app, church, { content, name: 'map.png' })
  await api('POST', '/messages', { text: 'The way', mediaIds: [media.id], to: { all: true } })
  const shown = await until(async () => (await (await fetch(`${sandbox}/messages?to=${encodeURIComponent(phone)}`)).json() as { items: OnPhone[] }).items.find(({ status }) => status === 'delivered'))
  t.match(shown.media, [{ type: 'image/png', name: 'map.png' }])
  const sent = await app.inject({ url: `/api/media/${media.id}/content`, headers: church.headers })
  const arrived = await fetch(new URL(shown.media[0]?.path ?? '', sandbox))
  t.ok(Buffer.from(await arrived.arrayBuffer()).equals(sent.rawPayload))
})

void t.test('a picture that a phone texts is in the inbox as a file of our own', async (t) => {
  const photo = await (await picture(40, 30)).jpeg().toBuffer()
  const put = await fetch(`${sandbox}/media`, { method: 'POST', headers: { 'content-type': 'image/jpeg' }, body: new Blob([photo]) })
  const { url } = await put.json() as { url: string }
  await fetch(`${sandbox}/inbound`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ from: phone, to: number, text: 'We were there', mediaUrls: [url] }) })
  const conversation = await until(async () => (await api<{ items: Array<{ id: string }> }>('GET', '/conversations')).body.items[0])
  const media = await until(async () => {
    const { body } = await api<{ items: InInbox[] }>('GET', `/conversations/${conversation.id}/messages`)
    return body.items.find(({ text }) => text === 'We were there')?.media.find(({ state }) => state !== 'pending')
  })
  t.match(media, { state: 'stored', contentType: 'image/jpeg' })
  t.ok((await app.inject({ url: media.url, headers: church.headers })).rawPayload.equals(photo))
})
