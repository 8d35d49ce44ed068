// Large objects come into a bucket in parts: the same bytes, a few at a time, tried again, and given up without a trace.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { removeUnfinishedJob } from '../../../src/features/lifecycle/jobs.js'
import { createFileStorage } from '../../../src/providers/storage/file-storage.js'
import { createS3Storage } from '../../../src/providers/storage/s3-storage.js'
import { store } from '../../../src/tenancy/lifecycle/archive/spool.js'
import { buildTestApp } from '../../helpers/build.js'
import { s3Account, type S3Server, startS3Server } from '../../helpers/s3-server.js'

const partBytes = 10_000
const unavailable = { code: 'STORAGE_UNAVAILABLE', status: 503 }
const key = '_backups/tchurch00000/large'

async function bucket (t: { teardown: (run: () => Promise<void>) => unknown }) {
  const server = await startS3Server('copies')
  const storage = createS3Storage({ ...s3Account, endpoint: server.endpoint, bucket: 'copies' }, { partBytes, firstPauseMs: 5 })
  t.teardown(async () => {
    await storage.close()
    await server.close()
  })
  return { server, storage }
}

const isPart = (asked: { method: string, url: string }, number: number): boolean => asked.method === 'PUT' && asked.url.includes(`partNumber=${number}&`)

function objectOf (content: Buffer, claimed = content) {
  return {
    sha256: createHash('sha256').update(claimed).digest(),
    size: content.length,
    contentType: 'application/octet-stream',
    open: () => Readable.from(content.length === 0 ? [] : [content.subarray(0, 7_001), content.subarray(7_001)]),
    openRange: ({ first, last }: { first: number, last: number }) => Readable.from([content.subarray(first, last + 1)])
  }
}

const nothing = ({ objects, uploads }: S3Server) => ({ objects: objects.size, uploads: uploads.open.size })

await t.test('an object of any length is there with the same bytes; one that fits a part comes at once', async (t) => {
  const { server, storage } = await bucket(t)
  for (const [size, parts] of [[0, 0], [partBytes, 0], [partBytes + 1, 2], [3 * partBytes, 3], [12 * partBytes + 345, 13]] as const) {
    const content = randomBytes(size)
    server.uploads.came.length = 0
    await storage.put(key, objectOf(content))
    t.equal(server.uploads.came.length, parts, `${size} bytes`)
    t.match(server.objects.get(`/copies/${key}`), { type: 'application/octet-stream' })
    t.ok((await buffer((await storage.get(key))!)).equals(content), `${size} bytes`)
  }
  t.equal(server.uploads.open.size, 0)
})

await t.test('a file is streamed from the disk, four parts of it at a time and no more', async (t) => {
  const { server, storage } = await bucket(t)
  const content = randomBytes(20 * partBytes)
  let [begun, atOnce] = [0, 0]
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => { letGo = resolve })
  const counting: Parameters<typeof store>[0] = {
    ...storage,
    put: (name, object) => storage.put(name, {
      ...object,
      openRange (range) {
        // The first four are held until a fifth has had its time to come.
        if (++begun === 4) setTimeout(() => { atOnce = begun; letGo() }, 100)
        return Readable.from((async function * () { await held; yield * object.openRange(range) })())
      }
    })
  }
  const spool = t.testdir()
  const stored = await store(counting, spool, key, Readable.from([content]))
  t.match(stored, { size: content.length, sha256: createHash('sha256').update(content).digest() })
  t.ok(server.objects.get(`/copies/${key}`)?.content.equals(content))
  t.strictSame([atOnce, begun], [4, 20])
})

await t.test('a part that fails is tried again, and putting them together too', async (t) => {
  const { server, storage } = await bucket(t)
  const content = randomBytes(5 * partBytes)
  let [refused, unassembled] = [0, 0]
  server.fault = (asked) => {
    if (isPart(asked, 2) && refused++ < 3) return 500
    return asked.method === 'POST' && asked.url.includes('uploadId=') && unassembled++ < 2 ? '<Error><Code>InternalError</Code></Error>' : undefined
  }
  await storage.put(key, objectOf(content))
  t.ok(server.objects.get(`/copies/${key}`)?.content.equals(content))
  t.strictSame([refused, unassembled], [4, 3])
})

await t.test('when a part can\'t be had it is tried four times, then all parts are given up and nothing is kept', async (t) => {
  const { server, storage } = await bucket(t)
  let tries = 0
  server.fault = (asked) => isPart(asked, 3) ? (tries++, 503) : undefined
  await t.rejects(storage.put(key, objectOf(randomBytes(9 * partBytes))), { ...unavailable, cause: { message: /part 3 with 503/ } })
  t.equal(tries, 4)
  t.strictSame(nothing(server), { objects: 0, uploads: 0 })
  server.fault = (asked) => asked.method === 'POST' && asked.url.includes('uploadId=') ? '<Error><Code>InternalError</Code></Error>' : undefined
  await t.rejects(storage.put(key, objectOf(randomBytes(3 * partBytes))), { ...unavailable, cause: { message: /did not put the parts together.*InternalError/ } })
  t.strictSame(nothing(server), { objects: 0, uploads: 0 })
  server.fault = (asked) => isPart(asked, 1) || asked.method === 'DELETE' ? 403 : undefined
  await t.rejects(storage.put(key, objectOf(randomBytes(3 * partBytes))), { ...unavailable, cause: { message: /not be given up/ } }, 'and it is said when they could not be')
})

await t.test('bytes that are not those of the hash, or change on the way, are not kept', async (t) => {
  const { server, storage } = await bucket(t)
  const content = randomBytes(4 * partBytes)
  await t.rejects(storage.put(key, objectOf(content, randomBytes(10))), unavailable)
  t.equal(server.uploads.came.length, 0, 'seen before anything is sent')
  await t.rejects(storage.put(key, { ...objectOf(content), size: content.length + 1 }), unavailable)
  const changing = { ...objectOf(content), openRange: ({ first, last }: { first: number, last: number }) => Readable.from([randomBytes(last - first + 1)]) }
  await t.rejects(storage.put(key, changing), { ...unavailable, cause: { message: /XAmzContentSHA256Mismatch/ } })
  t.strictSame(nothing(server), { objects: 0, uploads: 0 })
})

await t.test('what a process that died has left goes with the sweep two days later; what is under way and what is not ours stays', async (t) => {
  const server = await startS3Server('copies')
  t.teardown(() => server.close())
  const config = { S3_ENDPOINT: server.endpoint, S3_BUCKET: 'copies', S3_REGION: s3Account.region, S3_ACCESS_KEY_ID: s3Account.accessKeyId, S3_SECRET_ACCESS_KEY: s3Account.secretAccessKey }
  const { services } = await buildTestApp(t, { config })
  const long = new Date(Date.now() - 49 * 3_600_000)
  for (const name of ['_archives/tchurch00000/a', '_backups/tchurch00000/a', '_backups/tchurch00000/a', '_backups/tchurch00000/b', '_backups/tstudio00000/c']) server.uploads.begin(`/copies/${name}`, long)
  const stay = [server.uploads.begin('/copies/others/video', long), server.uploads.begin('/copies/_backups/tchurch00000/a'), server.uploads.begin('/copies/_backups/tstudio00000/d')]
  await removeUnfinishedJob.run({}, services, { signal: new AbortController().signal, attempt: 1, maxAttempts: 1 })
  t.strictSame(new Set(server.uploads.open.keys()), new Set(stay))
  server.fault = ({ method }) => method === 'GET' ? 501 : undefined
  await services.archives.removeUnfinished('_backups', new Date())
  t.equal(server.uploads.open.size, stay.length, 'a service that cannot list them is no failure')
  server.fault = ({ method }) => method === 'GET' ? 403 : undefined
  await t.rejects(services.archives.removeUnfinished('_backups', new Date()), unavailable, 'one that may not be asked is')
})

await t.test('in a folder the drafts of processes that died go likewise', async (t) => {
  const folder = t.testdir()
  const storage = createFileStorage(folder)
  await storage.removeUnfinished('_backups', new Date())
  await storage.put(key, objectOf(randomBytes(100)))
  await mkdir(join(folder, 'incoming'), { recursive: true })
  for (const name of ['old', 'young']) await writeFile(join(folder, 'incoming', name), 'half')
  await utimes(join(folder, 'incoming', 'old'), new Date(0), new Date(0))
  await storage.removeUnfinished('_backups', new Date(Date.now() - 3_600_000))
  t.strictSame([await storage.exists('incoming/old'), await storage.exists('incoming/young'), await storage.exists(key)], [false, true, true])
})
