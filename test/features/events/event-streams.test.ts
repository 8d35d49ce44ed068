// GET /api/events: who hears what, from where, for how long, and what it costs the database.
import { sql } from 'kysely'
import t from 'tap'
import { announceEvents, type NewEvent, recordEvents } from '../../../src/features/events/record-event.js'
import { EventStream } from '../../../src/features/events/event-stream.js'
import { StreamLimits } from '../../../src/features/events/stream-limits.js'
import { changeStatus } from '../../../src/tenancy/change-status.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp, type TestProcess } from '../../helpers/build.js'
import { listenEvents } from '../../helpers/listen-events.js'
import { until } from '../../helpers/until.js'

const test = await buildTestApp(t)
const { app, services } = test
const event = (name: string): NewEvent => ({ type: 'conversation.changed', data: { conversationId: name } })

async function happen (tenantId: TenantId, events: NewEvent[], where: TestProcess = test): Promise<void> {
  await where.services.tenancy.withTenant(tenantId, (db) => recordEvents(db, events))
  announceEvents(where.services, tenantId)
}

void t.test('a listener hears what happens in its own organization from now on, in every process', async (t) => {
  const church = await test.signUp()
  const studio = await test.signUp('studio')
  const other = await test.anotherProcess()
  await happen(church.tenantId, [event('before')])
  const here = await listenEvents(app, church.headers)
  const there = await listenEvents(other.app, church.headers)
  const elsewhere = await listenEvents(app, studio.headers)
  t.match([here.status, here.headers['content-type'], here.headers['cache-control']], [200, 'text/event-stream', 'no-store'])
  await until(async () => here.text() !== '')
  t.match(here.text(), /^retry: [2-4]\d{3}\nid: \d+\n\n$/)
  await happen(church.tenantId, [event('one')], other)
  await happen(church.tenantId, [event('two'), { type: 'message.progress', data: { messageId: 'm', changed: { sent: 3 } } }])
  for (const { heard } of [here, there]) {
    await until(async () => heard.length >= 3)
    t.match(heard, [{ event: 'conversation.changed', data: { conversationId: 'one' } }, { data: { conversationId: 'two' } }, { event: 'message.progress', data: { messageId: 'm', changed: { sent: 3 } } }])
  }
  t.strictSame(elsewhere.heard, [])
  for (const one of [here, there, elsewhere]) one.close()
})

void t.test('?types= leaves out the others, and any other word is refused', async (t) => {
  const { tenantId, headers } = await test.signUp()
  const stream = await listenEvents(app, headers, '?types=message.received,dead_letter.added')
  await happen(tenantId, [event('not wanted'), { type: 'message.received', data: { conversationId: 'c', conversationMessageId: 'm' } }])
  await until(async () => stream.heard.length > 0)
  t.match(stream.heard, [{ event: 'message.received', data: { conversationId: 'c', conversationMessageId: 'm' } }])
  t.equal(stream.heard.length, 1)
  stream.close()
  t.equal((await app.inject({ url: '/api/events?types=everything', headers })).json<{ code: string }>().code, 'VALIDATION_FAILED')
})

void t.test('Last-Event-ID goes on where the listener was, over pages, while more comes', async (t) => {
  const { tenantId, headers } = await test.signUp()
  const first = await listenEvents(app, headers)
  await until(async () => first.lastEventId() === '0')
  await happen(tenantId, [event('a')])
  await until(async () => first.heard.length === 1)
  first.close()
  const missed = Array.from({ length: 1_100 }, (_, n) => event(`missed ${n}`))
  await happen(tenantId, missed)
  const again = listenEvents(app, { ...headers, 'last-event-id': first.lastEventId() })
  await happen(tenantId, [event('meanwhile')])
  const second = await again
  await happen(tenantId, [event('then')])
  await until(async () => second.heard.length >= 1_102)
  t.strictSame(second.heard.map(({ data }) => data['conversationId']), [...missed.map(({ data }) => (data as { conversationId: string }).conversationId), 'meanwhile', 'then'])
  second.close()
})

void t.test('a place that is pruned, unknown or no number gets a reset, and what comes after it', async (t) => {
  const { tenantId, headers } = await test.signUp()
  await happen(tenantId, [event('a')])
  await happen(tenantId, [event('b')])
  const [first] = await services.tenancy.withTenant(tenantId, async (db) => (await sql<{ id: string }>`SELECT id::text FROM events ORDER BY id`.execute(db)).rows)
  await services.tenancy.withTenant(tenantId, (db) => sql`DELETE FROM events WHERE id = ${first?.id}::bigint`.execute(db))
  for (const place of [first?.id ?? '', '0', '999999', 'x']) {
    const stream = await listenEvents(app, { ...headers, 'last-event-id': place })
    await until(async () => stream.heard.length > 0)
    t.match(stream.heard, [{ event: 'reset', data: {} }], place)
    await happen(tenantId, [event('c')])
    await until(async () => stream.heard.length > 1)
    t.match(stream.heard[1], { data: { conversationId: 'c' } })
    stream.close()
  }
})

void t.test('a stream ends when its session is revoked in another process, and no other stream does', async (t) => {
  const { email, password, tenantId, headers } = await test.signUp()
  const login = await app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password, tenantId } })
  const other = { authorization: `Bearer ${login.json<{ accessToken: string }>().accessToken}` }
  const [mine, others] = await Promise.all([listenEvents(app, headers), listenEvents(app, other)])
  const process = await test.anotherProcess()
  t.equal((await process.app.inject({ method: 'POST', url: '/api/auth/logout', headers })).statusCode, 204)
  await mine.ended
  t.equal((await listenEvents(app, headers)).status, 401)
  await happen(tenantId, [event('still here')])
  await until(async () => others.heard.length === 1)
  others.close()
})

void t.test('a stream ends with its access token', async (t) => {
  const brief = await test.anotherProcess({ ACCESS_TOKEN_SECONDS: 4 })
  const { headers } = await brief.signUp()
  const stream = await listenEvents(brief.app, headers)
  t.equal(stream.status, 200)
  await stream.ended
})

void t.test('streams end when the organization is suspended, and the next is refused', async (t) => {
  const { tenantId, headers } = await test.signUp()
  const stream = await listenEvents(app, headers)
  await changeStatus(services.registry, services.log, tenantId, 'active', 'suspended')
  await stream.ended
  t.equal((await listenEvents(app, headers)).status, 403)
})

void t.test('after a gap in hearing every stream ends: a revocation may have been missed', async (t) => {
  const deaf = await buildTestApp(t)
  const { headers } = await deaf.signUp()
  const stream = await listenEvents(deaf.app, headers)
  await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'koinonia:listener' AND datname = current_database()`.execute(deaf.services.registry)
  await stream.ended
})

void t.test('the eleventh stream of an admin is refused, until the caller of one of the ten hangs up', async (t) => {
  const served = await buildTestApp(t, { listen: true })
  const { headers } = await served.signUp()
  const callers = await Promise.all(Array.from({ length: 10 }, async () => {
    const caller = new AbortController()
    return { caller, response: await fetch(`${served.baseUrl}/api/events`, { headers, signal: caller.signal }) }
  }))
  t.strictSame(callers.map(({ response }) => response.status), Array.from(callers, () => 200))
  const refused = await served.app.inject({ url: '/api/events', headers })
  t.match([refused.statusCode, refused.json(), refused.headers['retry-after']], [429, { code: 'TOO_MANY_STREAMS' }, '30'])
  callers[0]?.caller.abort()
  await until(async () => (await listenEvents(served.app, headers)).status === 200)
  t.equal((await served.app.inject({ url: '/api/events', headers })).statusCode, 429)
})

void t.test('an organization and a process have their limits too, and each place is given back once', async (t) => {
  const limits = new StreamLimits({ admin: 2, tenant: 3, process: 4 })
  const taken = [limits.take('a', '1'), limits.take('a', '1'), limits.take('a', '2')]
  t.throws(() => limits.take('a', '3'), { code: 'TOO_MANY_STREAMS' })
  limits.take('b', '1')
  t.throws(() => limits.take('c', '1'), { code: 'TOO_MANY_STREAMS' })
  taken[0]?.()
  taken[0]?.()
  t.equal(limits.open, 3)
  limits.take('c', '1')
  t.throws(() => limits.take('a', '3'), { code: 'TOO_MANY_STREAMS' })
})

void t.test('a hundred events while ten listen are a few reads, and no connection is held in between', async (t) => {
  const quiet = await buildTestApp(t)
  const { tenantId, headers } = await quiet.signUp()
  const streams = await Promise.all(Array.from({ length: 10 }, async () => await listenEvents(quiet.app, headers)))
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(quiet.services.tenancy.stats().leases, 0)
  const withTenant = quiet.services.tenancy.withTenant.bind(quiet.services.tenancy)
  let reads = 0
  quiet.services.tenancy.withTenant = async (id, use) => {
    reads++
    return await withTenant(id, use)
  }
  await withTenant(tenantId, async (db) => {
    for (let n = 0; n < 100; n++) {
      await recordEvents(db, [event(`${n}`)])
      announceEvents(quiet.services, tenantId)
    }
  })
  await until(async () => streams.every(({ heard }) => heard.length === 100))
  t.ok(reads > 0 && reads <= 30, `${reads} reads`)
  t.equal(quiet.services.tenancy.stats().leases, 0)
  for (const one of streams) one.close()
})

void t.test('a closing service ends its streams at once', async () => {
  const closing = await test.anotherProcess()
  const { headers } = await test.signUp()
  const stream = await listenEvents(closing.app, headers)
  await closing.app.close()
  await stream.ended
})

void t.test('a heartbeat comes by itself and carries the place; who does not read is cut off', async (t) => {
  const stream = new EventStream({ types: undefined, heartbeatMs: 10 })
  stream.begin(41, false)
  await until(async () => String(stream.body.read() ?? '').includes(': heartbeat\nid: 41\n\n'))
  const long = Array.from({ length: 10_000 }, (_, n) => ({ id: 100 + n, type: 'conversation.changed', data: { conversationId: 'x'.repeat(36) } }))
  stream.send(long)
  t.ok(stream.isOpen)
  stream.send([{ id: 20_000, type: 'conversation.changed', data: {} }])
  t.notOk(stream.isOpen)
})
