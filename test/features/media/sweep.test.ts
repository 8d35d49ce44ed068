// Bytes that no file names: removed after a day, and only those.
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { keepFile } from '../../../src/features/media/keep-file.js'
import { sweepJobShape } from '../../../src/features/media/plan-sweep.js'
import { insertMedia, lockContent } from '../../../src/features/media/queries.js'
import { sweepMedia } from '../../../src/features/media/sweep-media.js'
import { storageKey } from '../../../src/providers/storage/storage.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp, type BuildOptions } from '../../helpers/build.js'
import { s3Account, startS3Server } from '../../helpers/s3-server.js'
import { type SignedUp } from '../../helpers/sign-up.js'
import { until } from '../../helpers/until.js'
import { smallPng, upload } from '../../helpers/upload.js'

const dayMs = 24 * 3600_000
const bucket = await startS3Server('pictures')
t.teardown(() => bucket.close())
const inBucket = { S3_ENDPOINT: bucket.endpoint, S3_BUCKET: 'pictures', S3_REGION: s3Account.region, S3_ACCESS_KEY_ID: s3Account.accessKeyId, S3_SECRET_ACCESS_KEY: s3Account.secretAccessKey }

async function open (t: Test, config: NonNullable<BuildOptions['config']>) {
  let ahead = 0
  const app = await buildTestApp(t, { config, clock: { now: () => new Date(Date.now() + ahead) } })
  const { services } = app
  const { storage } = services
  const object = (content: Buffer) => ({ sha256: sha256(content), size: content.length, contentType: 'image/png', open: () => Readable.from([content]) })
  /** Bytes without a row. @returns their key */
  const leave = async (tenantId: string, content = randomBytes(100)): Promise<string> => {
    const key = storageKey(tenantId, sha256(content))
    await storage.put(key, object(content))
    return key
  }
  const keys = async (tenantId: string) => (await storage.list(tenantId, 1_000)).map(({ key }) => key)
  const jobs = async ({ tenantId }: SignedUp) => (await sql<{ hours: number, key: string }>`
    SELECT round(extract(epoch FROM run_at - now()) / 3600)::int AS hours, key FROM graphile_worker.jobs WHERE key LIKE ${`media-sweep%:${tenantId}`}`.execute(services.registry)).rows
  return { ...app, storage, object, leave, keys, jobs, turn: (ms: number) => { ahead = ms } }
}

function sha256 (content: Buffer): Buffer {
  return createHash('sha256').update(content).digest()
}

for (const [place, config] of [['a folder', {}], ['a bucket', inBucket]] as const) {
  await t.test(`in ${place}, what a crash left without a row goes a day later, and nothing else`, async (t) => {
    const { app, services, signUp, storage, leave, keys, jobs, turn } = await open(t, config)
    const [church, idle] = [await signUp(), await signUp()]
    const kept = await upload(app, church, await smallPng())
    t.equal(kept.status, 201)
    const [named] = await keys(church.tenantId)
    const left = await leave(church.tenantId)
    const others = await leave(idle.tenantId)
    const strange = `${church.tenantId}/notes/readme`
    await storage.put(strange, { sha256: sha256(Buffer.from('x')), size: 1, contentType: 'text/plain', open: () => Readable.from(['x']) })
    await sweepMedia(services, church.tenantId)
    t.equal(await storage.exists(left), true, 'it may still be on its way')
    t.strictSame(await jobs(church), [{ hours: 24, key: `media-sweep:${church.tenantId}` }])
    turn(dayMs + 60_000)
    await sweepMedia(services, church.tenantId)
    t.strictSame((await keys(church.tenantId)).sort(), [named, strange].sort())
    t.equal((await app.inject({ url: kept.body.url, headers: church.headers })).statusCode, 200)
    t.equal(await storage.exists(others), true)
    t.strictSame(await jobs(idle), [], 'who uploads nothing is never looked at')
  })

  await t.test(`in ${place}, an upload that dies before its row has planned its sweep`, async (t) => {
    const { services, signUp, object, keys, jobs, turn, startWorker } = await open(t, config)
    const church = await signUp()
    const content = { ...object(randomBytes(200)), width: null, height: null }
    await services.tenancy.withTenant(church.tenantId, async (db) => {
      const dying = db.withPlugin({ transformQuery: ({ node }) => { if (node.kind === 'InsertQueryNode') throw new Error('killed'); return node }, transformResult: async ({ result }) => result })
      await t.rejects(keepFile(services, dying, church.tenantId, { origin: 'upload', sha256: content.sha256, size: content.size, name: null, content, by: null }), /killed/)
    })
    t.equal((await keys(church.tenantId)).length, 1)
    t.strictSame(await jobs(church), [{ hours: 24, key: `media-sweep:${church.tenantId}` }])
    turn(dayMs + 60_000)
    await sql`SELECT graphile_worker.reschedule_jobs(array_agg(id), now()) FROM graphile_worker.jobs WHERE key = ${`media-sweep:${church.tenantId}`}`.execute(services.registry)
    await startWorker()
    await until(async () => (await keys(church.tenantId)).length === 0)
    await until(async () => (await jobs(church)).length === 0)
  })

  await t.test(`in ${place}, an upload of bytes that are just being swept is there in the end`, async (t) => {
    const { app, services, signUp, leave, keys, turn, storage } = await open(t, config)
    const church = await signUp()
    const image = await smallPng()
    const first = await upload(app, church, image)
    const [key = ''] = await keys(church.tenantId)
    turn(dayMs + 60_000)
    for (let round = 0; round < 10; round++) {
      await services.tenancy.withTenant(church.tenantId, async (db) => { await db.deleteFrom('media_files').execute() })
      await leave(church.tenantId)
      const [again] = await Promise.all([upload(app, church, image), sweepMedia(services, church.tenantId)])
      t.equal(again.status, 201)
      t.equal(await storage.exists(key), true, `round ${round}`)
      t.equal((await app.inject({ url: again.body.url, headers: church.headers })).statusCode, 200)
    }
    t.equal(first.status, 201)
  })

  await t.test(`in ${place}, bytes whose row comes while they are about to be swept stay`, async (t) => {
    const { services, signUp, leave, storage, turn, object } = await open(t, config)
    const { tenantId } = await signUp()
    const content = randomBytes(100)
    const key = await leave(tenantId, content)
    turn(dayMs + 60_000)
    await services.tenancy.withTenant(tenantId, async (db) => {
      const [sweeping] = await db.transaction().execute(async (trx) => {
        await lockContent(trx, sha256(content))
        await insertMedia(trx, { origin: 'upload', sha256: sha256(content), size: 100, name: null, content: { ...object(content), width: null, height: null }, by: null })
        const sweeping = sweepMedia(services, tenantId)
        await until(async () => await services.tenancy.withTenant(tenantId, async (other) => (await sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`.execute(other)).rows.length === 1))
        return [sweeping]
      })
      await sweeping
    })
    t.equal(await storage.exists(key), true)
  })

  await t.test(`in ${place}, what came to an organization after its deletion goes, and what no organization of ours has stays`, async (t) => {
    const { services, signUp, leave, keys, jobs } = await open(t, config)
    const [gone, leaving, staying] = [await signUp(), await signUp(), await signUp()]
    for (const { tenantId } of [gone, leaving, staying]) await leave(tenantId)
    const stranger = await leave('tstranger0000')
    const setStatus = async ({ tenantId }: SignedUp, status: 'deleted' | 'deleting') => {
      await services.registry.updateTable('tenants').set({ status, ...(status === 'deleted' ? { organization_id: null } : {}) }).where('id', '=', tenantId).execute()
      await until(async () => await services.tenancy.withTenant(tenantId, async () => false).catch(() => true))
    }
    await setStatus(gone, 'deleted')
    await setStatus(leaving, 'deleting')
    for (const id of [gone.tenantId, leaving.tenantId, 'tstranger0000' as TenantId]) await sweepMedia(services, id)
    t.strictSame(await keys(gone.tenantId), [])
    t.strictSame(await jobs(gone), [])
    t.equal((await keys(leaving.tenantId)).length, 1, 'a deletion can still be taken back')
    t.equal((await jobs(leaving)).length, 1, 'but it is looked at again')
    t.equal((await keys(staying.tenantId)).length, 1)
    t.strictSame(await keys('tstranger0000'), [stranger], 'another registry may use the same bucket')
  })
}

await t.test('many are removed page by page, each in a job of its own', async (t) => {
  const { services, signUp, startWorker, turn, keys } = await open(t, inBucket)
  const { tenantId } = await signUp()
  for (let count = 0; count < 1_200; count++) bucket.objects.set(`/pictures/${storageKey(tenantId, randomBytes(32))}`, { content: Buffer.alloc(1), type: 'image/png', modified: new Date() })
  turn(dayMs + 60_000)
  await sweepMedia(services, tenantId)
  t.equal((await keys(tenantId)).length, 700)
  await startWorker()
  // A job is there until a moment after its work is done.
  await until(async () => (await sql`SELECT FROM graphile_worker.jobs WHERE task_identifier = ${sweepJobShape.name}`.execute(services.registry)).rows.length === 0)
  t.strictSame(await keys(tenantId), [])
})
