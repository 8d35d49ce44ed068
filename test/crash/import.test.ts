// kill -9 of the worker, again and again, in the middle of an import: every row is done once, wherever the file lies.
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Config } from '../../src/config.js'
import { type Import } from '../../src/features/members/imports/schemas.js'
import { buildTestApp } from '../helpers/build.js'
import { postImport, reportOf } from '../helpers/import.js'
import { s3Account, startS3Server } from '../helpers/s3-server.js'
import { startProcess } from '../helpers/service-process.js'
import { until } from '../helpers/until.js'

t.setTimeout(400_000)

/** Every twelfth row has the number of one before it. */
async function survives (t: Test, { rows, kills, config = {} }: { rows: number, kills: number, config?: Partial<Config> }): Promise<void> {
  const app = await buildTestApp(t, { config: { SEND_TIMEOUT_MS: 700, SEND_RECOVERY_MS: 1_500, ...config } })
  const { tenantId, headers } = await app.signUp()
  const people = rows / 12 * 11
  const phones = Array.from({ length: rows }, (_, index) => `+1615${String(2_000_000 + (index % people))}`)
  const { body: { id } } = await postImport(app.app, { headers }, `phone,name,tags,opt in source\n${phones.map((phone, index) => `${phone},Ann ${index},choir,card`).join('\n')}`)
  const now = async () => (await app.app.inject({ url: `/api/members/imports/${id}`, headers })).json<Import>()
  const done = async () => {
    // A caller is allowed so many requests in a minute.
    await pause(100)
    const { rows: _, ...counts } = (await now()).counts
    return Object.values(counts).reduce((sum, count) => sum + count, 0)
  }

  let worker = await startProcess(app, 'worker')
  t.teardown(() => worker.kill())
  for (let turn = 1; turn <= kills; turn++) {
    const before = await done()
    await until(async () => await done() > before, 60_000)
    await worker.kill()
    worker = await startProcess(app, 'worker')
  }
  t.ok(await done() < rows, 'the import was still under way at the last kill')
  const ended = await until(async () => {
    await pause(200)
    const found = await now()
    return found.finishedAt !== null && found
  }, 120_000)
  t.match(ended, { status: 'completed', counts: { rows, created: people, updated: 0, unchanged: 0, duplicates: rows - people, invalid: 0 } })
  const report = await reportOf(app.app, { headers }, id)
  t.strictSame(report.map((line) => Number(line.split(',')[0])), phones.map((_, index) => index + 2))
  const found = await app.services.tenancy.withTenant(tenantId, async (db) => ({
    members: await db.selectFrom('members').select('opt_in_state').execute(),
    grants: await db.selectFrom('consent_logs').select('member_id').distinct().execute(),
    logged: await db.selectFrom('consent_logs').select('id').execute(),
    tagged: await db.selectFrom('member_tags').select('member_id').execute()
  }))
  t.strictSame([found.members.length, found.grants.length, found.logged.length, found.tagged.length], [people, people, people, people])
  t.ok(found.members.every((member) => member.opt_in_state === 'opted_in'))
}

void t.test('four kills during an import of twenty-four thousand: every row in the report once, every person a member once', async (t) => {
  await survives(t, { rows: 24_000, kills: 4 })
})

void t.test('three kills with the file in a bucket, which fails once besides: read on from where the last batch ended, and deleted at the end', async (t) => {
  const bucket = await startS3Server('imports')
  t.teardown(bucket.close)
  const reads: number[] = []
  bucket.onGet = (first) => {
    if (reads.push(first) === 2) bucket.failNext(503)
  }
  const { region, accessKeyId, secretAccessKey } = s3Account
  await survives(t, {
    rows: 18_000, kills: 3, config: { S3_ENDPOINT: bucket.endpoint, S3_BUCKET: 'imports', S3_REGION: region, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey }
  })
  t.ok(reads.length >= 4, `${reads.length} reads`)
  t.ok(reads.slice(1).every((first, index) => first >= (reads[index] ?? 0)) && (reads.at(-1) ?? 0) > (reads[0] ?? 0), `from bytes ${reads.join(', ')}`)
  t.equal(bucket.objects.size, 0)
})
