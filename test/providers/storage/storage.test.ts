import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createFileStorage } from '../../../src/providers/storage/file-storage.js'
import { createS3Storage } from '../../../src/providers/storage/s3-storage.js'
import { type Storage, storageKey } from '../../../src/providers/storage/storage.js'
import { buildTestApp } from '../../helpers/build.js'
import { s3Account, startS3Server } from '../../helpers/s3-server.js'
import { smallPng, upload } from '../../helpers/upload.js'

const server = await startS3Server('pictures')
t.teardown(() => server.close())
const bucket = { ...s3Account, endpoint: server.endpoint, bucket: 'pictures' }
const unavailable = { code: 'STORAGE_UNAVAILABLE', status: 503 }

/** One piece, or several with a pause for others to come between. */
const objectOf = (content: Buffer, claimed = content) => ({
  sha256: createHash('sha256').update(claimed).digest(), size: content.length, contentType: 'image/png', open: () => Readable.from([content.subarray(0, 10), content.subarray(10)])
})
const all = async (found: Promise<Readable | undefined>) => {
  const stream = await found
  return stream === undefined ? undefined : await buffer(stream)
}

async function keepsBytes (t: Test, storage: Storage): Promise<void> {
  const content = randomBytes(300_000)
  const object = objectOf(content)
  const key = storageKey('tchurch00000', object.sha256)
  t.match([await storage.exists(key), await storage.get(key)], [false, undefined])
  await Promise.all(Array.from({ length: 5 }, async () => { await storage.put(key, object) }))
  t.equal(await storage.exists(key), true)
  t.ok((await all(storage.get(key)))?.equals(content), 'whole')
  t.ok((await all(storage.get(key, { first: 5, last: 5 })))?.equals(content.subarray(5, 6)), 'one byte')
  t.ok((await all(storage.get(key, { first: 299_990, last: 299_999 })))?.equals(content.subarray(-10)), 'the end')
  await storage.delete(key)
  await storage.delete(key)
  t.equal(await storage.get(key), undefined)
  const names = ['tchurch00000/aa/one', 'tchurch00000/bb/four', 'tchurch00000/bb/two', 'tchurch000001/aa/three']
  for (const name of names) await storage.put(name, object)
  const listed = async (folder: string, limit: number, after?: string) => (await storage.list(folder, limit, after)).map((found) => found.key)
  t.strictSame(await listed('tchurch00000', 9), names.slice(0, 3), 'those of the folder, in order')
  t.strictSame(await listed('tchurch00000', 2), names.slice(0, 2))
  t.strictSame(await listed('tchurch00000', 2, names[1]), names.slice(2, 3), 'and the next page')
  t.strictSame(await listed('tnobody00000', 2), [])
  t.ok(Math.abs((await storage.list('tchurch00000', 1))[0]!.modifiedAt.getTime() - Date.now()) < 60_000)
  await storage.deleteFolder('tchurch00000')
  await storage.deleteFolder('tchurch00000')
  t.strictSame(await Promise.all(names.map((name) => storage.exists(name))), [false, false, false, true], 'a folder goes, and not the one whose name begins alike')
  await storage.deleteFolder('tchurch000001')
  const other = objectOf(content, Buffer.from('something else'))
  const wrongKey = storageKey('tchurch00000', other.sha256)
  await t.rejects(storage.put(wrongKey, other), unavailable, 'bytes that are not what their hash says')
  t.equal(await storage.exists(wrongKey), false)
}

void t.test('a folder keeps bytes whole or not at all, and leaves nothing beside them', async (t) => {
  const folder = t.testdir()
  await keepsBytes(t, createFileStorage(folder))
  const breaking = { ...objectOf(randomBytes(100)), open: () => Readable.from((async function * () { yield randomBytes(50); throw new Error('cut off') })()) }
  await t.rejects(createFileStorage(folder).put(storageKey('tchurch00000', breaking.sha256), breaking), unavailable)
  t.strictSame(await readdir(join(folder, 'incoming')), [])
})

void t.test('a bucket does the same, every request signed', async (t) => {
  const storage = createS3Storage(bucket)
  await keepsBytes(t, storage)
  t.equal(server.objects.size, 0)
  await storage.close()
})

void t.test('a bucket that refuses or is not there says so, with its own words for the log', async (t) => {
  const object = objectOf(randomBytes(100))
  const key = storageKey('tchurch00000', object.sha256)
  for (const wrong of [{ secretAccessKey: 'another' }, { accessKeyId: 'AKIAOTHER' }, { region: 'us-east-1' }, { bucket: 'elsewhere' }, { endpoint: 'http://127.0.0.1:9' }]) {
    const storage = createS3Storage({ ...bucket, ...wrong })
    await t.rejects(storage.put(key, object), unavailable, JSON.stringify(wrong))
    await storage.close()
  }
  const refused = createS3Storage({ ...bucket, secretAccessKey: 'another' })
  await t.rejects(refused.get(key), { cause: { message: /403.*SignatureDoesNotMatch/ } })
  await refused.close()
  const storage = createS3Storage(bucket)
  server.failNext(500)
  await t.rejects(storage.exists(key), unavailable)
  t.equal(await storage.exists(key), false, 'and is asked again the next time')
  await storage.close()
})

void t.test('with a bucket set the whole application keeps its files there', async (t) => {
  const config = { S3_ENDPOINT: bucket.endpoint, S3_BUCKET: bucket.bucket, S3_REGION: bucket.region, S3_ACCESS_KEY_ID: bucket.accessKeyId, S3_SECRET_ACCESS_KEY: bucket.secretAccessKey }
  const { app, signUp } = await buildTestApp(t, { config })
  const church = await signUp()
  const { status, body } = await upload(app, church, await smallPng())
  t.equal(status, 201)
  t.match([...server.objects], [[new RegExp(`^/pictures/${church.tenantId}/[0-9a-f]{2}/[0-9a-f]{64}$`), { type: 'image/png' }]])
  const read = await app.inject({ url: body.url, headers: { ...church.headers, range: 'bytes=1-3' } })
  t.match([read.statusCode, read.body], [206, 'PNG'])
  server.failNext(503)
  t.match(await upload(app, church, await smallPng()), { status: 503, body: { code: 'STORAGE_UNAVAILABLE' } })
  t.equal((await app.inject({ method: 'DELETE', url: `/api/media/${body.id}`, headers: church.headers })).statusCode, 204)
  t.equal(server.objects.size, 0)
})
