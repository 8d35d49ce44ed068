// kill -9 of the worker, again and again, in the middle of an import: every row is done once.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { packageRoot } from '../../src/config.js'
import { type Import } from '../../src/features/members/imports/schemas.js'
import { buildTestApp, type TestApp } from '../helpers/build.js'
import { postImport, reportOf } from '../helpers/import.js'
import { until } from '../helpers/until.js'

t.setTimeout(180_000)

const rows = 12_000
const kills = 4

void t.test('four kills during an import of twelve thousand: every row in the report once, every person a member once', async (t) => {
  const app = await buildTestApp(t, { config: { SEND_TIMEOUT_MS: 700, SEND_RECOVERY_MS: 1_500 } })
  const { tenantId, headers } = await app.signUp()
  const phones = Array.from({ length: rows }, (_, index) => `+1615${String(2_000_000 + (index % 11_000))}`)
  const { body: { id } } = await postImport(app.app, { headers }, `phone,name,tags,opt in source\n${phones.map((phone, index) => `${phone},Ann ${index},choir,card`).join('\n')}`)
  const now = async () => (await app.app.inject({ url: `/api/members/imports/${id}`, headers })).json<Import>()
  const done = async () => {
    // A caller is allowed so many requests in a minute.
    await pause(100)
    const { rows: _, ...counts } = (await now()).counts
    return Object.values(counts).reduce((sum, count) => sum + count, 0)
  }

  let worker = startWorker(app)
  t.teardown(() => kill(worker))
  for (let turn = 1; turn <= kills; turn++) {
    const before = await done()
    await until(async () => await done() > before, 60_000)
    await kill(worker)
    worker = startWorker(app)
  }
  t.ok(await done() < rows, 'the import was still under way at the last kill')
  const ended = await until(async () => {
    await pause(200)
    const found = await now()
    return found.finishedAt !== null && found
  }, 120_000)
  t.match(ended, { status: 'completed', counts: { rows, created: 11_000, updated: 0, unchanged: 0, duplicates: 1_000, invalid: 0 } })
  const report = await reportOf(app.app, { headers }, id)
  t.strictSame(report.map((line) => Number(line.split(',')[0])), phones.map((_, index) => index + 2))
  const found = await app.services.tenancy.withTenant(tenantId, async (db) => ({
    members: await db.selectFrom('members').select('opt_in_state').execute(),
    grants: await db.selectFrom('consent_logs').select('member_id').distinct().execute(),
    logged: await db.selectFrom('consent_logs').select('id').execute(),
    tagged: await db.selectFrom('member_tags').select('member_id').execute()
  }))
  t.strictSame([found.members.length, found.grants.length, found.logged.length, found.tagged.length], [11_000, 11_000, 11_000, 11_000])
  t.ok(found.members.every((member) => member.opt_in_state === 'opted_in'))
})

function startWorker ({ services: { config }, registry }: TestApp): ChildProcess {
  const settings = Object.fromEntries(Object.entries({ ...config, REGISTRY_DATABASE_URL: registry.url, LOG_LEVEL: 'error' }).map(([name, value]) => [name, String(value)]))
  return spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), 'worker'], { env: { PATH: process.env['PATH'], ...settings }, stdio: ['ignore', 'inherit', 'inherit'] })
}

async function kill (worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const gone = once(worker, 'exit')
  worker.kill('SIGKILL')
  await gone
}
