// Events in the hands of a process that died: taken over within seconds, and never from one that lives.
import { sql } from 'kysely'
import t from 'tap'
import { processOrphans } from '../../src/webhooks/process-events.js'
import { insertEvents } from '../../src/webhooks/queries.js'
import { startProcess } from '../helpers/service-process.js'
import { until } from '../helpers/until.js'
import { inTenant, openGround } from './ground.js'
import { inboundBody, post } from './post-telnyx.js'

/** Far less than the two minutes that a claim holds. */
const limitMs = 40_000
const ground = await openGround(t)
const church = await ground.newOrganization('Grace Chapel')
const { registry, listener } = ground.services
const phone = '+16155550001'

void t.test('a worker is killed with a text in its hands: the next one delivers it long before the claim runs out', async (t) => {
  const first = await startProcess(ground, 'worker')
  t.teardown(first.kill)
  await inTenant(ground, church, (db) => db.transaction().execute(async (trx) => {
    // It holds the worker up in the middle of its work.
    await sql`LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE`.execute(trx)
    await post(ground.app, { body: inboundBody({ from: phone, to: church.number, text: 'Is anyone there?', id: 'held' }) })
    await until(async () => (await eventBy('held')).claimed_by !== null || undefined, limitMs)
    await first.kill()
  }))
  t.match(await eventBy('held'), { status: 'received', attempts: 1, claimed_by: Number })
  const second = await startProcess(ground, 'worker')
  t.teardown(second.kill)
  await until(async () => (await eventBy('held')).status === 'processed' || undefined, limitMs)
  t.match(await eventBy('held'), { attempts: 2, claimed_by: null })
  t.same(await texts(), ['Is anyone there?'])
})

void t.test('what a living process holds is left to it, and looked at again; when its connection is gone, it is taken', async (t) => {
  const other = await ground.anotherProcess()
  const session = other.services.listener.sessionId ?? 0
  t.not(session, listener.sessionId)
  await claimedBy(session, 'alive', 1)
  const look = () => processOrphans(ground.services, { session }, new AbortController().signal)
  await look()
  t.match(await eventBy('alive'), { status: 'received', claimed_by: session })
  const plans = await sql`SELECT FROM graphile_worker.jobs WHERE key = ${`webhooks.take-over:${session}`} AND run_at > now()`.execute(registry)
  t.equal(plans.rows.length, 1, 'another look is planned')
  await other.services.listener.close()
  t.equal(other.services.listener.sessionId, undefined)
  await look()
  t.match(await eventBy('alive'), { status: 'processed', attempts: 2 })
})

void t.test('an event that ended three processes keeps its two minutes', async (t) => {
  await claimedBy(1, 'suspect', 3)
  await processOrphans(ground.services, { session: 1 }, new AbortController().signal)
  t.match(await eventBy('suspect'), { status: 'received', attempts: 3, claimed_by: 1 })
})

void t.test('a wake-up that waits is enough for all commits until a run looks; then the next commit asks for one', async (t) => {
  const store = (eventId: string) => insertEvents(ground.services.registryPool, [{ provider: 'telnyx', eventId, routeToken: null, payload: Buffer.from(inboundBody({ from: phone, to: church.number, text: eventId })) }])
  const wakeUps = async () => (await sql<{ id: string, revision: number }>`SELECT id, revision FROM graphile_worker.jobs WHERE key = 'webhooks.process'`.execute(registry)).rows
  await ground.process()
  await sql`DELETE FROM graphile_worker._private_jobs`.execute(registry)
  await store('first')
  const asked = await wakeUps()
  t.equal(asked.length, 1)
  await store('second')
  t.same(await wakeUps(), asked)
  t.equal(await store('second'), 0, 'a duplicate asks for nothing')
  await ground.process()
  t.match(await eventBy('second'), { status: 'processed' })
  await store('third')
  t.equal((await wakeUps())[0]?.revision, (asked[0]?.revision ?? 0) + 1)
})

void t.test('a run that comes while a commit relies on a waiting wake-up looks after that commit', async (t) => {
  await sql`UPDATE webhook_wake_up SET waiting = true`.execute(registry)
  const client = await ground.services.registryPool.connect()
  await client.query('BEGIN')
  const transaction = { query: client.query.bind(client) } as unknown as typeof ground.services.registryPool
  await insertEvents(transaction, [{ provider: 'telnyx', eventId: 'relies', routeToken: null, payload: Buffer.from(inboundBody({ from: phone, to: church.number, text: 'relies' })) }])
  const run = ground.process()
  await until(async () => (await sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%webhook_wake_up%' AND datname = current_database()`.execute(registry)).rows[0])
  await client.query('COMMIT')
  client.release()
  await run
  t.match(await eventBy('relies'), { status: 'processed' })
})

async function eventBy (eventId: string) {
  return registry.selectFrom('webhook_events').select(['status', 'attempts', 'claimed_by']).where('event_id', '=', eventId).executeTakeFirstOrThrow()
}

async function claimedBy (session: number, id: string, attempts: number): Promise<void> {
  await post(ground.app, { body: inboundBody({ from: phone, to: church.number, text: id, id }) })
  await sql`UPDATE webhook_events SET attempts = ${attempts}, not_before = now() + interval '100 seconds', claimed_by = ${session} WHERE event_id = ${id}`.execute(registry)
}

async function texts (): Promise<string[]> {
  return inTenant(ground, church, async (db) => (await db.selectFrom('conversation_messages').select('text').orderBy('id').execute()).map(({ text }) => text))
}
