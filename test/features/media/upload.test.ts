import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { deflateRawSync, deflateSync, crc32 } from 'node:zlib'
import sharp from 'sharp'
import t from 'tap'
import { request } from 'undici'
import { buildTestApp } from '../../helpers/build.js'
import { multipartOf, picture, smallPng, upload } from '../../helpers/upload.js'

const test = await buildTestApp(t)
const { app, services } = test
const church = await test.signUp()
const stored = async () => (await readdir(join(services.config.DATA_DIR, 'media'), { recursive: true, withFileTypes: true })).filter((one) => one.isFile()).map(({ name }) => name).sort()
const contentOf = async (id: string) => (await app.inject({ url: `/api/media/${id}/content`, headers: church.headers })).rawPayload

void t.test('a large photograph is made to fit, turned upright, and says nothing of where it was taken', async (t) => {
  const taken = await (await picture(4000, 3000, { smooth: true }))
    .jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).withExifMerge({ IFD0: { Make: 'Phone' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '36/1 9/1 0/1' } }).toBuffer()
  const found = await sharp(taken).metadata()
  t.match([found.orientation, found.exif], [6, Buffer], 'it has what is to be taken out')
  const { status, body } = await upload(app, church, { content: taken, name: '/tmp/Ostern ✝.jpg', type: 'image/jpeg' })
  t.match([status, body.contentType, body.originalSize, body.origin], [201, 'image/jpeg', taken.length, 'upload'])
  t.match([body.width, body.height], [1200, 1600], 'upright')
  const kept = await contentOf(body.id)
  t.equal(kept.length, body.size)
  t.ok(kept.length <= 600_000)
  const now = await sharp(kept).metadata()
  t.match([now.exif, now.orientation, now.width, now.height, now.xmp, now.iptc], [undefined, undefined, 1200, 1600, undefined, undefined])
  t.notOk(kept.includes('Phone'))
  t.equal(body.name, 'Ostern ✝.jpg')
})

void t.test('even noise of 12 million pixels ends below 600 KB', async (t) => {
  const noise = await (await picture(4000, 3000)).jpeg({ quality: 60 }).toBuffer()
  t.ok(noise.length > 5_000_000)
  const { status, body } = await upload(app, church, noise)
  t.equal(status, 201)
  t.ok(body.size <= 600_000, String(body.size))
  t.equal((await contentOf(body.id)).length, body.size)
})

void t.test('drawings stay PNG, WebP becomes what every phone shows, transparency that does not fit becomes white', async (t) => {
  const drawing = await sharp({ create: { width: 3000, height: 1000, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0.5 } } }).png().toBuffer()
  t.match((await upload(app, church, drawing)).body, { contentType: 'image/png', width: 1600, height: 533 })
  const webp = await (await picture(2500, 2500)).webp({ quality: 60 }).toBuffer()
  t.match((await upload(app, church, webp)).body, { contentType: 'image/jpeg' })
  const glassy = await (await picture(1500, 1500)).ensureAlpha(0).png().toBuffer()
  const { body } = await upload(app, church, glassy)
  t.equal(body.contentType, 'image/jpeg')
  const [red] = await sharp(await contentOf(body.id)).extract({ left: 5, top: 5, width: 1, height: 1 }).raw().toBuffer()
  t.ok((red ?? 0) > 240)
})

void t.test('an animated GIF keeps moving when it is made smaller, and one that stays too large is refused', async (t) => {
  const frames = async (count: number, side: number) => {
    const pages = await Promise.all(Array.from({ length: count }, async () => await (await picture(side, side)).png().toBuffer()))
    return await sharp(pages, { join: { animated: true } }).gif({ effort: 1 }).toBuffer()
  }
  const { status, body } = await upload(app, church, await frames(6, 400))
  t.match([status, body.contentType], [201, 'image/gif'])
  t.ok(body.size <= 600_000)
  t.equal((await sharp(await contentOf(body.id), { animated: true }).metadata()).pages, 6)
  const long = await upload(app, church, await frames(30, 200))
  t.match([long.status, long.body.code, long.body.detail], [413, 'MEDIA_TOO_LARGE', /animation/])
})

void t.test('the type is what the bytes say', async (t) => {
  const vcard = Buffer.from('BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ruth Miller\r\nEND:VCARD\r\n')
  t.match((await upload(app, church, { content: vcard, name: 'ruth.exe', type: 'application/x-msdownload' })).body, { contentType: 'text/vcard', size: vcard.length, width: null })
  const pdf = Buffer.from('%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF')
  t.match((await upload(app, church, { content: pdf, name: 'plan.jpg', type: 'image/jpeg' })).body, { contentType: 'application/pdf' })
  const name = Buffer.from('a.txt')
  const header = Buffer.alloc(30)
  header.write('PK\x03\x04', 'latin1')
  header.writeUInt16LE(name.length, 26)
  const refused: Array<[string, Buffer, string]> = [
    ['a zip named .jpg', Buffer.concat([header, name, deflateRawSync('x')]), 'easter.jpg'],
    ['a page named .png', Buffer.from('<!doctype html><script>alert(1)</script>'), 'logo.png'],
    ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'), 'logo.svg'],
    ['a program', Buffer.from('MZ\x90\x00'.padEnd(300, '\0'), 'latin1'), 'photo.jpeg'],
    ['plain text', Buffer.from('hello'), 'x.gif']
  ]
  for (const [what, content, filename] of refused) {
    t.match(await upload(app, church, { content, name: filename, type: 'image/jpeg' }), { status: 415, body: { code: 'MEDIA_TYPE_REFUSED' } }, what)
  }
})

void t.test('what is too large, empty, cut off or no picture inside is refused, each with its reason', async (t) => {
  const before = await stored()
  const mp4 = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom\0\0\x02\0isomiso2'), Buffer.alloc(1_000_000)])
  t.match(await upload(app, church, mp4), { status: 413, body: { code: 'MEDIA_TOO_LARGE' } }, 'a video over 1 MB')
  t.match(await upload(app, church, Buffer.alloc(25 * 1024 * 1024 + 1, 7)), { status: 413, body: { code: 'MEDIA_TOO_LARGE' } }, '25 MB and a byte')
  t.match(await upload(app, church, Buffer.alloc(0)), { status: 422, body: { code: 'MEDIA_UNREADABLE', detail: /empty/ } })
  const jpeg = await (await picture(800, 800)).jpeg().toBuffer()
  t.match(await upload(app, church, jpeg.subarray(0, jpeg.length / 2)), { status: 422, body: { code: 'MEDIA_UNREADABLE' } }, 'half a picture')
  t.match(await upload(app, church, Buffer.concat([jpeg.subarray(0, 20), Buffer.from('rubbish')])), { status: 422, body: { code: 'MEDIA_UNREADABLE' } })
  t.strictSame(await stored(), before, 'nothing is left of any of them')
})

void t.test('a small PNG that unfolds into 900 million pixels is refused without unfolding it', async (t) => {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const side = 30_000
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head.writeUInt8(1, 8)
  const bomb = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.alloc(side * (side / 8 + 1)))), chunk('IEND', Buffer.alloc(0))])
  t.ok(bomb.length < 200_000)
  const before = process.memoryUsage().rss
  t.match(await upload(app, church, { content: bomb, name: 'bomb.png' }), { status: 422, body: { code: 'MEDIA_UNREADABLE', detail: /million pixels/ } })
  t.ok(process.memoryUsage().rss - before < 100_000_000)
})

void t.test('what is not one file in a whole multipart body is refused', async (t) => {
  const png = await smallPng()
  const post = async (payload: Buffer | object, headers: Record<string, string>) => {
    const response = await app.inject({ method: 'POST', url: '/api/media', payload, headers: { ...church.headers, ...headers } })
    return [response.statusCode, response.json<{ code: string }>().code]
  }
  t.strictSame(await post({ file: 'x' }, {}), [400, 'UPLOAD_MALFORMED'], 'JSON')
  t.strictSame(await post(png, { 'content-type': 'image/png' }), [415, 'CONTENT_TYPE_UNSUPPORTED'], 'the bare bytes')
  const two = await multipartOf([{ content: png }, { content: png, field: 'other' }])
  t.strictSame(await post(two.payload, two.headers), [400, 'UPLOAD_MALFORMED'], 'two files')
  const none = await multipartOf([])
  t.strictSame(await post(none.payload, none.headers), [400, 'UPLOAD_MALFORMED'], 'no file')
  const more = await multipartOf([{ content: png }], { caption: 'x' })
  t.strictSame(await post(more.payload, more.headers), [400, 'UPLOAD_MALFORMED'], 'a field')
  const whole = await multipartOf([{ content: png }])
  t.strictSame(await post(whole.payload.subarray(0, whole.payload.length - 60), whole.headers), [400, 'UPLOAD_MALFORMED'], 'cut off')
  t.strictSame(await post(whole.payload, { 'content-type': 'multipart/form-data' }), [400, 'UPLOAD_MALFORMED'], 'no boundary')
})

void t.test('the same bytes twice are one file, at the same time as well, and its bytes are kept once', async (t) => {
  const png = await (await picture(60, 60)).png().toBuffer()
  const answers = await Promise.all(Array.from({ length: 6 }, async (_, n) => await upload(app, church, { content: png, name: `${n}.png` })))
  t.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 201])
  const kept = createHash('sha256').update(await contentOf(answers[0]?.body.id ?? '')).digest('hex')
  t.equal((await stored()).filter((name) => name === kept).length, 1)
  const studio = await test.signUp('studio')
  const other = await upload(app, studio, png)
  t.equal(other.status, 201, 'another organization has its own')
  t.equal((await stored()).filter((name) => name === kept).length, 2)
})

void t.test('bytes that the storage has lost come back with the next upload of the same file', async (t) => {
  const png = await (await picture(50, 60)).png().toBuffer()
  const { body } = await upload(app, church, png)
  const sha256 = createHash('sha256').update(await contentOf(body.id)).digest()
  await services.storage.delete(`${church.tenantId}/${sha256.toString('hex').slice(0, 2)}/${sha256.toString('hex')}`)
  t.equal((await app.inject({ url: `/api/media/${body.id}/content`, headers: church.headers })).json<{ code: string }>().code, 'MEDIA_GONE')
  t.match(await upload(app, church, png), { status: 200, body: { id: body.id } })
  t.equal((await contentOf(body.id)).length, body.size)
})

void t.test('an Idempotency-Key gives the first answer again, and another file under it is refused', async (t) => {
  const post = async (content: Buffer) => {
    const { payload, headers } = await multipartOf([{ content }])
    return await app.inject({ method: 'POST', url: '/api/media', payload, headers: { ...church.headers, ...headers, 'idempotency-key': 'easter' } })
  }
  const [one, other] = [await smallPng(), await smallPng()]
  const first = await post(one)
  const again = await post(one)
  t.match([first.statusCode, again.statusCode, again.headers['idempotency-replayed'], again.json<{ id: string }>().id], [201, 201, 'true', first.json<{ id: string }>().id])
  t.equal((await post(other)).json<{ code: string }>().code, 'IDEMPOTENCY_KEY_REUSED')
})

void t.test('many large uploads at once cost neither memory nor database connections while they come in', async (t) => {
  const noise = await (await picture(5000, 4000)).jpeg({ quality: 90 }).toBuffer()
  t.ok(noise.length > 12_000_000)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const file = join(services.config.DATA_DIR, 'noise.jpg')
  await writeFile(file, noise)
  // From the disk piece by piece, so that the test itself holds none of it.
  const post = async (n: number) => {
    const body = Readable.from((async function * () {
      yield '--edge\r\ncontent-disposition: form-data; name="file"; filename="noise.jpg"\r\n\r\n'
      yield * createReadStream(file)
      yield `tail ${n}\r\n--edge--\r\n`
    })())
    const answer = await request(`${url}/api/media`, { method: 'POST', headers: { ...church.headers, 'content-type': 'multipart/form-data; boundary=edge' }, body })
    return [answer.statusCode, (await answer.body.json() as { size: number }).size <= 600_000]
  }
  await Promise.all([post(100), post(101)])
  let most = 0
  const before = process.memoryUsage().rss
  const watch = setInterval(() => { most = Math.max(most, process.memoryUsage().rss - before) }, 20)
  const answers = await Promise.all(Array.from({ length: 12 }, async (_, n) => await post(n)))
  clearInterval(watch)
  t.strictSame(answers, Array.from({ length: 12 }, () => [201, true]))
  t.comment(`12 uploads of ${Math.round(noise.length / 1e6)} MB at once: ${Math.round(most / 1e6)} MB more at most`)
  t.ok(most < 12 * noise.length, 'less than the files together, let alone unfolded')
})
