import t from 'tap'
import { makeMediaLink, openMediaLink } from '../../../src/features/media/media-link.js'
import { readRange } from '../../../src/features/media/read-range.js'
import { buildTestApp } from '../../helpers/build.js'
import { smallPng, upload } from '../../helpers/upload.js'

let now = new Date('2026-03-01T17:00:00Z')
const test = await buildTestApp(t, { clock: { now: () => now } })
const { app, services } = test
const church = await test.signUp()
const studio = await test.signUp('studio')
const png = await smallPng()
const { body: media } = await upload(app, church, { content: png, name: 'Grüße "x".png' })
const vcard = (await upload(app, church, Buffer.from('BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ruth\r\nEND:VCARD\r\n'))).body
const read = async (headers: Record<string, string> = {}, url = `/api/media/${media.id}/content`) => await app.inject({ url, headers: { ...church.headers, ...headers } })

void t.test('the whole file comes with its type, length and name, and no browser takes it for a page', async (t) => {
  const answer = await read()
  t.match([answer.statusCode, answer.rawPayload.length], [200, media.size])
  t.match(answer.headers, {
    'content-type': 'image/png',
    'content-length': String(media.size),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
    'content-disposition': 'inline; filename="Gr__e %22x%22.png"; filename*=UTF-8\'\'Gr%C3%BC%C3%9Fe%20%2522x%2522.png'
  })
  t.match((await read({}, vcard.url)).headers, { 'content-type': 'text/vcard', 'content-disposition': /^attachment; filename="file.bin"/ })
})

void t.test('ranges are answered with 206, those beyond the end with 416', async (t) => {
  const whole = (await read()).rawPayload
  const size = whole.length
  const parts: Array<[string, number, number]> = [['bytes=0-9', 0, 9], ['bytes=10-', 10, size - 1], ['bytes=-5', size - 5, size - 1], [`bytes=5-${size * 2}`, 5, size - 1], [`bytes=-${size * 2}`, 0, size - 1]]
  for (const [range, first, last] of parts) {
    const answer = await read({ range })
    t.equal(answer.statusCode, 206, range)
    t.match(answer.headers, { 'content-range': `bytes ${first}-${last}/${size}`, 'content-length': String(last - first + 1) })
    t.ok(answer.rawPayload.equals(whole.subarray(first, last + 1)), range)
  }
  for (const range of [`bytes=${size}-`, 'bytes=-0']) {
    const answer = await read({ range })
    t.match([answer.statusCode, answer.headers['content-range'], answer.json<{ code: string }>().code], [416, `bytes */${size}`, 'RANGE_NOT_SATISFIABLE'], range)
  }
  for (const range of ['bytes=0-1,3-4', 'bytes=9-2', 'lines=1-2', 'bytes=-', 'bytes=x']) t.equal((await read({ range })).statusCode, 200, `${range} need not be obeyed`)
})

void t.test('whoever has it already gets 304, and a range of another version gets the whole', async (t) => {
  const { etag } = (await read()).headers
  for (const known of [String(etag), `W/${String(etag)}`, `"other", ${String(etag)}`, '*']) {
    const answer = await read({ 'if-none-match': known })
    t.match([answer.statusCode, answer.rawPayload.length], [304, 0], known)
  }
  t.equal((await read({ 'if-none-match': '"other"' })).statusCode, 200)
  t.equal((await read({ range: 'bytes=0-1', 'if-range': '"other"' })).statusCode, 200)
  t.equal((await read({ range: 'bytes=0-1', 'if-range': String(etag) })).statusCode, 206)
})

void t.test('a range is read as RFC 9110 has it', async (t) => {
  t.strictSame(readRange(undefined, 10), undefined)
  t.strictSame(readRange('bytes=0-0', 10), { first: 0, last: 0 })
  t.strictSame(readRange('BYTES= 2-3 ', 10), { first: 2, last: 3 })
  t.strictSame(readRange('bytes=9-', 10), { first: 9, last: 9 })
  t.strictSame(readRange('bytes=10-', 10), 'unsatisfiable')
  t.strictSame(readRange('bytes=99999999999999999999-', 10), undefined)
})

void t.test('the carrier fetches a file at a signed address without a token, until the end of the next day', async (t) => {
  const link = makeMediaLink(services.keyring, '', { tenantId: church.tenantId, mediaId: media.id }, now)
  const answer = await app.inject(link)
  t.match([answer.statusCode, answer.headers['content-type'], answer.rawPayload.length], [200, 'image/png', media.size])
  t.equal((await app.inject({ url: link, headers: { range: 'bytes=0-3' } })).statusCode, 206)
  t.equal(makeMediaLink(services.keyring, '', { tenantId: church.tenantId, mediaId: media.id }, new Date('2026-03-01T23:59:59Z')), link, 'the same all day long, so that carriers fetch it once')
  const missing = { statusCode: 404, code: 'MEDIA_LINK_INVALID' }
  const refusal = async (url: string) => {
    const { statusCode, body } = await app.inject(url)
    return { statusCode, code: (JSON.parse(body) as { code: string }).code }
  }
  const token = link.replace('/media/', '')
  const [payload = '', signature = ''] = token.split('.')
  const bytes = Buffer.from(payload, 'base64url')
  const altered = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(bytes)
    change(copy)
    return `${copy.toString('base64url')}.${signature}`
  }
  const forged = {
    'another file': altered((copy) => { copy.writeUInt8(copy.readUInt8(15) ^ 1, 15) }),
    'a later day': altered((copy) => { copy.writeUInt32BE(4_000_000_000, 16) }),
    'another organization': altered((copy) => { copy.write(studio.tenantId, 20) }),
    'no signature': `${payload}.`,
    rubbish: 'x'
  }
  for (const [what, one] of Object.entries(forged)) t.strictSame(await refusal(`/media/${one}`), missing, what)
  t.strictSame(await refusal(makeMediaLink(services.keyring, '', { tenantId: studio.tenantId, mediaId: media.id }, now)), missing, 'well signed, but the file is another organization\'s')
  const was = now
  now = new Date('2026-03-02T23:59:59Z')
  t.equal((await app.inject(link)).statusCode, 200)
  now = new Date('2026-03-03T00:00:00Z')
  t.strictSame(await refusal(link), missing, 'expired')
  t.equal(openMediaLink(services.keyring, token, now), undefined)
  now = was
})

void t.test('a deleted file is gone from list, storage and links; one with the same bytes keeps them', async (t) => {
  const content = await smallPng()
  const { body: one } = await upload(app, church, content)
  // Another source that comes to the same bytes when it is made to fit.
  const { body: twin } = await upload(app, church, Buffer.concat([content, Buffer.from('tail')]))
  t.not(one.id, twin.id)
  const remove = async (id: string) => (await app.inject({ method: 'DELETE', url: `/api/media/${id}`, headers: church.headers })).statusCode
  t.equal(await remove(one.id), 204)
  t.equal((await read({}, one.url)).statusCode, 404)
  t.equal((await read({}, twin.url)).statusCode, 200)
  t.equal(await remove(one.id), 404)
  const link = makeMediaLink(services.keyring, '', { tenantId: church.tenantId, mediaId: twin.id }, now)
  t.equal(await remove(twin.id), 204)
  t.equal((await app.inject(link)).statusCode, 404)
  t.match(await upload(app, church, content), { status: 201 }, 'it may be uploaded again')
})

void t.test('the list is the latest first, page by page, by where they are from', async (t) => {
  const list = async (query: string) => (await app.inject({ url: `/api/media?${query}`, headers: church.headers })).json<{ items: Array<{ id: string }>, nextCursor: string | null }>()
  const all = (await list('')).items.map(({ id }) => id)
  t.equal(all.length, 3)
  const first = await list('limit=2')
  const second = await list(`limit=2&cursor=${first.nextCursor ?? ''}`)
  t.strictSame([...first.items, ...second.items].map(({ id }) => id), all)
  t.strictSame([...all].sort().reverse(), all)
  t.strictSame((await list('origin=inbound')).items, [])
  t.match((await app.inject({ url: `/api/media/${media.id}`, headers: church.headers })).json(), media)
})
