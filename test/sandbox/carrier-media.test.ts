// What texts carry: fetched once as a carrier does, kept, shown to phones, and put up by them.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { smallPng } from '../helpers/upload.js'
import { buyNumber, getJson, postJson, startReceiver, until } from './receive-webhooks.js'

interface Shown { id: string, status: string, error: { code: string } | null, media: Array<{ url: string, path: string | null, type: string | null, name: string | null }> }

const png = await smallPng()
const asked = new Map<string, number>()
const large = randomBytes(600_000)
const files = createServer(({ url = '' }, response) => {
  asked.set(url, (asked.get(url) ?? 0) + 1)
  if (url === '/moved') response.writeHead(302, { location: '/picture' }).end()
  else if (url === '/picture') response.writeHead(200, { 'content-type': 'text/html', 'content-disposition': "inline; filename=\"f_te.png\"; filename*=UTF-8''f%C3%AAte.png" }).end(png)
  else if (url.startsWith('/large')) response.end(large)
  else if (url === '/huge') response.end(randomBytes(1_000_001))
  else if (url === '/late' && asked.get(url) === 1) response.writeHead(503).end()
  else if (url === '/late') response.end('<script>alert(1)</script>')
  else response.writeHead(404).end()
})
await new Promise<void>((resolve) => { files.listen(0, '127.0.0.1', resolve) })
t.teardown(() => { files.closeAllConnections(); files.close() })
const at = (path: string) => `http://127.0.0.1:${(files.address() as AddressInfo).port}${path}`

async function start (t: Test, options: { retryDelaysMs?: number[], dataDir?: string } = {}) {
  const receiver = await startReceiver(t)
  const carrier = await startCarrier({ orderDelayMs: 1, sentDelayMs: 1, finalDelayMs: 5, retryDelaysMs: [], ...options })
  t.teardown(() => carrier.close())
  const number = await buyNumber(carrier, receiver.url)
  const send = async (media: string[], to = '+16155550142') => await postJson(`${carrier.baseUrl}/messages`, { from: number, to, text: 'Look', media_urls: media })
  const ended = async (count: number) => await until(async () => {
    const { items } = await getJson(`${carrier.url}/sandbox/messages`) as { items: Shown[] }
    return items.length === count && items.every(({ status }) => status !== 'queued' && status !== 'sent') ? items : undefined
  })
  const upload = async (body: Buffer, type: string) => {
    const answer = await fetch(`${carrier.url}/sandbox/media`, { method: 'POST', headers: { 'content-type': type }, body: new Blob([body]) })
    return { status: answer.status, body: await answer.json() as { url: string, detail?: string } }
  }
  return { receiver, carrier, number, send, ended, upload }
}

await t.test('A picture is fetched once for all who get it, kept by its bytes, and shown with its name', async (t) => {
  const { carrier, receiver, send, ended } = await start(t)
  await Promise.all(['+16155550142', '+16155550143', '+16155550144'].map(async (to) => await send([at('/picture')], to)))
  const [text] = await ended(3)
  t.match(text, { status: 'delivered', media: [{ url: at('/picture'), type: 'image/png', size: png.length, width: 20, height: 10, name: 'fête.png' }] })
  t.equal(asked.get('/picture'), 1)
  const shown = await fetch(carrier.url + (text?.media[0]?.path ?? ''))
  t.match([shown.status, shown.headers.get('content-type'), Buffer.from(await shown.arrayBuffer()).equals(png)], [200, 'image/png', true])
  const event = await until(async () => receiver.events.find(({ type }) => type === 'message.finalized'))
  t.match(event.body, { data: { payload: { media: [{ content_type: 'image/png', size: png.length, sha256: createHash('sha256').update(png).digest('hex') }] } } })
})

await t.test('A redirect is followed, a moment of weakness forgiven, and a page is never served as one', async (t) => {
  const { carrier, send, ended } = await start(t, { retryDelaysMs: [20] })
  await send([at('/moved'), at('/late')])
  const [text] = await ended(1)
  t.match(text, { status: 'delivered', media: [{ type: 'image/png' }, { type: 'application/octet-stream' }] })
  t.equal(asked.get('/late'), 2)
  const page = await fetch(carrier.url + (text?.media[1]?.path ?? ''))
  t.match([page.headers.get('content-type'), page.headers.get('content-disposition'), page.headers.get('x-content-type-options')], ['application/octet-stream', 'attachment', 'nosniff'])
  t.match(page.headers.get('content-security-policy'), /default-src 'none'; sandbox/)
  for (const name of ['..%2Fcarrier-key.pem', `${'0'.repeat(64)}.png`]) t.equal((await fetch(`${carrier.url}/sandbox/media/${name}`)).status, 404)
})

await t.test('What is missing, or over 1 MB in all, fails with the error of Telnyx and is never called sent', async (t) => {
  const { receiver, send, ended } = await start(t)
  await send([at('/missing')])
  await send([at('/huge')])
  await send([at('/large1'), at('/large2')])
  await send(['http://127.0.0.1:9/nobody-listens'])
  for (const text of await ended(4)) t.match(text, { status: 'sending_failed', error: { code: '40317' }, media: [{ path: null }] })
  await until(async () => receiver.events.length === 4 || undefined)
  t.match(receiver.events.map(({ type }) => type), Array(4).fill('message.finalized'))
  await send([at('/large1')])
  t.equal((await ended(5))[4]?.status, 'delivered')
})

await t.test('A phone puts up a picture, and what it texts is at an address the service can fetch, also after a restart', async (t) => {
  const dataDir = t.testdir()
  const { carrier, receiver, number, upload } = await start(t, { dataDir })
  t.match(await upload(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/png'), { status: 415, body: { title: 'Not a picture' } })
  t.match(await upload(png, 'application/octet-stream'), { status: 415 })
  t.match(await upload(randomBytes(5_000_001), 'image/png'), { status: 413 })
  const { status, body: { url } } = await upload(png, 'image/png')
  t.equal(status, 201)
  t.ok(url.startsWith(`${carrier.url}/sandbox/media/`), url)
  await postJson(`${carrier.url}/sandbox/inbound`, { from: '+16155550142', to: number, mediaUrls: [url, 'https://example.com/a.jpg'] })
  const event = await until(async () => receiver.events[0])
  t.match(event.body, { data: { payload: { type: 'MMS', media: [{ url, content_type: 'image/png', size: png.length }, { url: 'https://example.com/a.jpg', content_type: null }] } } })
  t.ok(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(png))
  await carrier.close()
  const second = await startCarrier({ dataDir })
  t.teardown(() => second.close())
  const { items: [text] } = await getJson(`${second.url}/sandbox/messages`) as { items: Shown[] }
  t.match(text?.media, [{ type: 'image/png', width: 20 }, { path: null, type: null }])
  t.equal((await fetch(second.url + (text?.media[0]?.path ?? ''))).status, 200)
  t.ok(existsSync(join(dataDir, text?.media[0]?.path?.replace('/sandbox/', '') ?? '')))
})

await t.test('A stop while a picture is being fetched ends nothing: the text goes on after the next start', async (t) => {
  const dataDir = t.testdir()
  const { carrier, receiver, send } = await start(t, { dataDir, retryDelaysMs: [60_000] })
  await send([at('/missing')])
  await until(async () => (asked.get('/missing') ?? 0) >= 2 || undefined)
  await carrier.close()
  t.equal(receiver.events.length, 0)
  const second = await startCarrier({ dataDir, retryDelaysMs: [] })
  t.teardown(() => second.close())
  await until(async () => receiver.events.length === 1 || undefined)
  t.match(receiver.events[0]?.body, { data: { payload: { errors: [{ code: '40317' }] } } })
})
