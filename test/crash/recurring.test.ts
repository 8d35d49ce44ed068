// kill -9 of the worker while the occurrences of many rules are due: each becomes one message, and nobody gets it twice.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { packageRoot } from '../../src/config.js'
import { planOccurrence } from '../../src/features/recurring/plan-occurrence.js'
import { type RecurringWithNext } from '../../src/features/recurring/schemas.js'
import { toInstant, toWallTime } from '../../src/wall-time.js'
import { apiOf } from '../helpers/api.js'
import { buildTestApp, type TestApp } from '../helpers/build.js'
import { until } from '../helpers/until.js'

const rules = 12
const kills = 5

t.setTimeout(300_000)

void t.test('five kills while twelve rules are due: twelve messages, none twice, and every rule at its next day', async (t) => {
  const app = await buildTestApp(t, { carrier: true, config: { SEND_TIMEOUT_MS: 700, SEND_RECOVERY_MS: 1_500 } })
  const organization = await app.signUp()
  const { tenantId } = organization
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  for (const phone of ['+16155550101', '+16155550102', '+16155550103']) await api('POST', '/members', { firstName: 'Ada', lastName: 'O', phone, optIn: { source: 'form' } })
  // Today's minute has just passed, so each rule waits for tomorrow, until it is set back to what was due just now.
  const minute = toWallTime(new Date(), 'UTC')
  const due = toInstant(minute, 'UTC')
  const made = await Promise.all(Array.from({ length: rules }, async (_, n) => (await api<RecurringWithNext>('POST', '/recurring-messages', {
    name: `Rule ${n}`, rule: 'FREQ=DAILY', startDate: minute.date, time: minute.time, timeZone: 'UTC', text: `Hello ${n}`, to: { all: true }
  })).body))
  await app.services.tenancy.withTenant(tenantId, async (db) => { await db.updateTable('recurring_messages').set({ next_occurrence_at: due }).execute() })
  for (const { id } of made) await planOccurrence(app.services, tenantId, id, new Date())

  let worker = startWorker(app)
  t.teardown(() => kill(worker))
  const finished = async () => (await app.services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom('messages').select(sql<number>`count(*)::int`.as('count')).where('status', '=', 'sent').executeTakeFirstOrThrow())).count
  let underWay = 0
  for (let turn = 1; turn <= kills; turn++) {
    const before = await progress(app, tenantId)
    await until(async () => await progress(app, tenantId) > before || await finished() === rules, 60_000)
    if (await finished() < rules) underWay++
    await pause(Math.random() * 60)
    await kill(worker)
    worker = startWorker(app)
  }
  t.ok(underWay > 2, `${underWay} kills fell while there was something to do`)
  await until(async () => await finished() === rules, 120_000)

  const occurrences = await app.services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom('recurring_occurrences as o').innerJoin('messages as m', 'm.id', 'o.message_id')
    .select(['o.recurring_message_id as rule', 'o.outcome', 'm.occurrence']).execute())
  t.equal(occurrences.length, rules)
  t.equal(new Set(occurrences.map(({ rule }) => rule)).size, rules)
  for (const { outcome, occurrence } of occurrences) t.strictSame([outcome, occurrence], ['sent', due])
  const { rows: [recipients] } = await app.services.tenancy.withTenant(tenantId, async (db) => await sql<{ count: number, undone: number }>`
    SELECT count(*)::int AS count, count(*) FILTER (WHERE status IN ('queued', 'sending'))::int AS undone FROM message_recipients`.execute(db))
  t.strictSame(recipients, { count: rules * 3, undone: 0 })
  const counts = await (await fetch(`${app.carrier?.url ?? ''}/sandbox/counts`)).json() as { duplicates: number }
  t.equal(counts.duplicates, 0)
  const next = await Promise.all(made.map(async ({ id }) => (await api<RecurringWithNext>('GET', `/recurring-messages/${id}`)).body.nextOccurrenceAt))
  t.strictSame([...new Set(next)], [new Date(due.getTime() + 86_400_000).toISOString()])
})

/** Grows with each occurrence made and each message done. */
async function progress ({ services }: TestApp, tenantId: Parameters<TestApp['services']['tenancy']['withTenant']>[0]): Promise<number> {
  const { rows: [row] } = await services.tenancy.withTenant(tenantId, async (db) => await sql<{ done: number }>`
    SELECT (SELECT count(*) FROM recurring_occurrences)::int + (SELECT count(*) FROM messages WHERE status <> 'scheduled')::int AS done`.execute(db))
  return row?.done ?? 0
}

function startWorker ({ services: { config }, registry }: TestApp): ChildProcess {
  const settings = Object.fromEntries(Object.entries({ ...config, REGISTRY_DATABASE_URL: registry.url, LOG_LEVEL: 'error', WORKER_CONCURRENCY: 1 }).map(([name, value]) => [name, String(value)]))
  return spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), 'worker'], { env: { ...process.env, ...settings }, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function kill (worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const gone = once(worker, 'exit')
  worker.kill('SIGKILL')
  await gone
}
