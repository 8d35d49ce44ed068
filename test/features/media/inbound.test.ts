import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { sql } from 'kysely'
import t from 'tap'
import { copyMedia } from '../../../src/features/conversations/copy-media.js'
import { receiveText } from '../../../src/features/conversations/receive-text.js'
import { FetchForbidden, fetchPublic } from '../../../src/providers/fetch-public.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'
import { smallPng } from '../../helpers/upload.js'

const png = await smallPng()
let fails = 0
let asked = 0
const carrier = createServer((request, response) => {
  asked++
  if (request.url === '/flaky' && fails-- > 0) response.writeHead(503).end()
  else if (request.url === '/missing') response.writeHead(404).end()
  else if (request.url === '/moved') response.writeHead(302, { location: '/picture' }).end()
  else if (request.url === '/circle') response.writeHead(302, { location: '/circle' }).end()
  else if (request.url === '/endless') for (let n = 0; n < 30; n++) response.write(Buffer.alloc(1024 * 1024))
  else if (request.url === '/page') response.writeHead(200, { 'content-type': 'image/png' }).end('<script>alert(1)</script>')
  else response.writeHead(200, { 'content-type': 'text/html' }).end(png)
})
await new Promise<void>((resolve) => { carrier.listen(0, '127.0.0.1', resolve) })
t.teardown(() => { carrier.closeAllConnections(); carrier.close() })
const port = (carrier.address() as AddressInfo).port
const at = (path: string) => `http://127.0.0.1:${port}${path}`

const test = await buildTestApp(t, { config: { INBOUND_MEDIA_PRIVATE: true } })
const { app, services } = test
const church = await test.signUp()
const api = apiOf(app, church)
const { number } = await test.addNumber(church)
const { tenantId } = church

interface Shown { url: string | null, mediaId: string | null, state: string, reason: string | null, contentType: string | null, size: number | null }
let texts = 0
const textIn = async (urls: string[], id = `text-${++texts}`) => {
  const media = urls.map((url) => ({ url, contentType: 'image/jpeg', size: 12.5 }))
  await services.tenancy.withTenant(tenantId, async (db, tenant) => await receiveText(services, db, tenant, { from: '+16155550141', to: number, text: '', media, providerMessageId: id, receivedAt: new Date(), answeredByCarrier: false }))
  return id
}
const shown = async (): Promise<Shown[]> => {
  const { body: { items: [conversation] } } = await api<{ items: Array<{ id: string }> }>('GET', '/conversations')
  return (await api<{ items: Array<{ media: Shown[] }> }>('GET', `/conversations/${conversation?.id ?? ''}/messages`)).body.items[0]?.media ?? []
}

void t.test('what a member sends is pending, then ours, by its bytes and not by what it is called', async (t) => {
  await textIn([at('/picture'), at('/page'), at('/moved')])
  t.match(await shown(), [{ state: 'pending', url: at('/picture'), mediaId: null }, { state: 'pending' }, { state: 'pending' }])
  await test.startWorker()
  const media = await until(async () => {
    const found = await shown()
    return found.every(({ state }) => state === 'stored') ? found : undefined
  })
  t.match(media, [{ contentType: 'image/png', size: png.length, reason: null }, { contentType: 'application/octet-stream' }, { mediaId: media[0]?.mediaId }], 'the same bytes are one file')
  const picture = await app.inject({ url: media[0]?.url ?? '', headers: church.headers })
  t.match([picture.statusCode, picture.headers['content-type'], picture.rawPayload.equals(png)], [200, 'image/png', true])
  t.match((await app.inject({ url: media[1]?.url ?? '', headers: church.headers })).headers, { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment' })
  t.equal((await api('POST', '/messages', { mediaIds: [media[0]?.mediaId], to: { all: true } })).code, 'MEDIA_NOT_SENDABLE')
})

void t.test('the same text delivered again, and the same job run again, copy nothing again', async (t) => {
  const id = await textIn([at('/picture')])
  await until(async () => (await shown())[0]?.state === 'stored')
  const before = asked
  await textIn([at('/picture')], id)
  await copyMedia(services, tenantId, { tenantId, providerMessageId: id, attempt: 1 })
  t.equal(asked, before)
  t.equal((await api<{ items: unknown[] }>('GET', '/media?origin=inbound')).body.items.length, 2)
})

void t.test('a source that fails is tried again later, and at last given up with the reason', async (t) => {
  fails = 2
  const id = await textIn([at('/flaky')])
  await until(async () => fails === 1)
  await until(async () => (await sql`SELECT FROM graphile_worker.jobs WHERE key LIKE ${`copy:%${id}:2`}`.execute(services.registry)).rows.length === 1)
  t.match(await shown(), [{ state: 'pending' }])
  await copyMedia(services, tenantId, { tenantId, providerMessageId: id, attempt: 2 })
  t.match(await shown(), [{ state: 'pending' }])
  await copyMedia(services, tenantId, { tenantId, providerMessageId: id, attempt: 3 })
  t.match(await shown(), [{ state: 'stored', contentType: 'image/png' }])

  const gone = await textIn([at('/missing')])
  await copyMedia(services, tenantId, { tenantId, providerMessageId: gone, attempt: 6 })
  t.match(await shown(), [{ state: 'pending' }])
  await copyMedia(services, tenantId, { tenantId, providerMessageId: gone, attempt: 7 })
  t.match(await shown(), [{ state: 'failed', reason: 'answered 404', url: at('/missing') }])
})

void t.test('what is too large, or no web address, is given up at once', async (t) => {
  await textIn([at('/endless'), 'ftp://example.org/x', 'nonsense'])
  const media = await until(async () => {
    const found = await shown()
    return found.every(({ state }) => state === 'failed') ? found : undefined
  })
  t.match(media.map(({ reason }) => reason), ['larger than 25 MB', 'not a web address', 'not a web address'])
})

void t.test('nothing of our own network is asked, by address, by name or by redirect, and only listed hosts when there is a list', async (t) => {
  const get = async (url: string, policy: { hosts?: string[], allowPrivate?: boolean } = {}) => await fetchPublic(url, { hosts: [], allowPrivate: false, timeoutMs: 5_000, ...policy }, async (body) => { await body.forEach(() => undefined) })
  const before = asked
  const hidden = [
    at('/'), `http://localhost:${port}/`, `http://[::1]:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, `http://2130706433:${port}/`, `http://0x7f.1:${port}/`, `http://0.0.0.0:${port}/`,
    'http://169.254.169.254/latest/meta-data', 'http://10.0.0.1/', 'http://192.168.1.1/', 'http://172.16.0.1/', 'http://100.64.0.1/', 'http://[fd00::1]/', 'http://[fe80::1]/', 'http://[64:ff9b::7f00:1]/', 'http://224.0.0.1/'
  ]
  for (const url of hidden) await t.rejects(get(url), FetchForbidden, url)
  t.equal(asked, before)
  await t.rejects(get('file:///etc/passwd', { allowPrivate: true }), FetchForbidden)
  await t.rejects(get(at('/picture'), { allowPrivate: true, hosts: ['media.example.com'] }), FetchForbidden)
  await t.rejects(get(`http://evilexample.com:${port}/`, { hosts: ['example.com'] }), FetchForbidden)
  await t.resolves(get(at('/picture'), { allowPrivate: true, hosts: ['127.0.0.1'] }))
  await t.rejects(get(at('/circle'), { allowPrivate: true }), /redirected too often/)
})
