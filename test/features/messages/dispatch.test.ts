// Sending what waits in the outbox: each text once, and every way in which it may not leave.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { type Lane, lanes, queueText } from '../../../src/features/messages/queue-text.js'
import { recordDeliveryEvents } from '../../../src/features/messages/record-delivery-events.js'
import { openStatusToken } from '../../../src/features/messages/status-token.js'
import { type Carrier, type OutgoingText, type SendOutcome } from '../../../src/providers/carrier.js'
import { type Services } from '../../../src/services.js'
import { type TenantDb, type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp, type TestApp } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

const from = '+16155550100'
const running = new AbortController().signal

/** A process whose carrier answers as `answer` says. */
function withCarrier ({ services }: TestApp, answer: (text: OutgoingText) => SendOutcome | Promise<SendOutcome>, config: Partial<Services['config']> = {}) {
  const sent: OutgoingText[] = []
  const send: Carrier['send'] = async (text) => {
    sent.push(text)
    return await answer(text)
  }
  return { sent, services: { ...services, config: { ...services.config, ...config }, carrier: { ...services.carrier, send } } }
}

const accept = (): SendOutcome => ({ kind: 'accepted', providerMessageId: randomUUID() })

const open = async (t: Tap) => {
  const app = await buildTestApp(t)
  const { tenantId } = await app.signUp()
  const fields = fieldCrypto(app.services.keyring, tenantId)
  const inTenant = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => app.services.tenancy.withTenant(tenantId, use)
  return { app, tenantId, fields, inTenant }
}
type Tap = Parameters<typeof buildTestApp>[0]
type Ground = Awaited<ReturnType<typeof open>>

async function broadcast ({ inTenant, fields }: Ground, count: number, text = 'Hello all', firstLine = 0): Promise<string> {
  return await inTenant(async (db) => {
    await addMembers({ db, fields }, count, 'opted_in', firstLine)
    const { id } = await db.insertInto('messages').values({ kind: 'broadcast', text, from_number: from }).returning('id').executeTakeFirstOrThrow()
    await sql`INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding) SELECT ${id}, phone_hash, id, phone_cipher, 1, 'gsm7' FROM members`.execute(db)
    await sql`INSERT INTO message_queue (message_id, phone_hash) SELECT ${id}, phone_hash FROM members`.execute(db)
    return id
  })
}

async function text ({ inTenant, fields }: Ground, phone: string, lane: Lane, words: string): Promise<string> {
  const recipient = { memberId: null, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }
  const { messageId } = await inTenant((db) => queueText(db, { kind: lane === 'confirmation' ? 'confirmation' : 'reply', lane, text: words, from, recipient }))
  return messageId
}

const states = async ({ inTenant }: Ground) => {
  const { rows } = await inTenant((db) => sql<{ status: string, count: number }>`SELECT status, count(*)::int AS count FROM message_recipients GROUP BY status`.execute(db))
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}
const waiting = async ({ inTenant }: Ground) => await inTenant((db) => db.selectFrom('message_queue').selectAll().execute())
const jobsOf = async ({ app }: Ground) => {
  const { rows } = await sql<{ key: string, in_ms: number }>`SELECT key, extract(epoch FROM run_at - now())::float8 * 1000 AS in_ms FROM graphile_worker.jobs WHERE key LIKE 'dispatch%' AND key NOT LIKE '%:deputy'`.execute(app.services.registry)
  return rows.map(({ key, in_ms: inMs }) => ({ kind: key.split(':')[0], inMs }))
}

void t.test('every text of a broadcast leaves once, by several visits and processes at a time', async (t) => {
  const ground = await open(t)
  const messageId = await broadcast(ground, 500)
  const one = withCarrier(ground.app, async () => {
    await pause(2)
    return accept()
  })
  const other = withCarrier(ground.app, accept, { SEND_CONCURRENCY: 3 })
  await Promise.all([one, other, one, other].map(({ services }) => dispatch(services, ground.tenantId, running)))
  const sent = [...one.sent, ...other.sent]
  t.equal(sent.length, 500)
  t.equal(new Set(sent.map(({ to }) => to)).size, 500)
  t.ok(one.sent.length > 0 && other.sent.length > 0)
  t.same(await states(ground), { sent: 500 })
  t.same(await waiting(ground), [])
  const [first] = sent
  t.match(first, { from, text: 'Hello all', mediaUrls: [], to: /^\+1615\d{7}$/ })
  const token = first?.statusUrl.split('/').at(-1) ?? ''
  t.match(openStatusToken(ground.app.services.keyring, token), { tenantId: ground.tenantId, messageId })
  const { status } = await ground.inTenant((db) => db.selectFrom('messages').select('status').executeTakeFirstOrThrow())
  t.equal(status, 'sent')
})

void t.test('a confirmation goes first, then a reply, then the broadcast', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 20)
  await text(ground, '+16155559001', 'reply', 'a reply')
  await text(ground, '+16155559002', 'confirmation', 'a confirmation')
  const { services, sent } = withCarrier(ground.app, accept, { SEND_CONCURRENCY: 1 })
  await dispatch(services, ground.tenantId, running)
  t.same(sent.slice(0, 3).map(({ text }) => text), ['a confirmation', 'a reply', 'Hello all'])
  t.equal(sent.length, 22)
})

void t.test('a reply that comes during a broadcast does not wait for its end', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 300)
  const { services, sent } = withCarrier(ground.app, async () => {
    await pause(5)
    return accept()
  }, { SEND_CONCURRENCY: 4 })
  const visit = dispatch(services, ground.tenantId, running)
  await pause(100)
  await text(ground, '+16155559001', 'reply', 'a reply')
  const queuedAt = sent.length
  await dispatch(services, ground.tenantId, running)
  await visit
  const place = sent.findIndex(({ text }) => text === 'a reply')
  t.ok(place >= 0 && place < queuedAt + 60, `it was number ${place}, queued at ${queuedAt}`)
  t.equal(sent.length, 301)
})

void t.test('whoever opted out after the text was queued gets none, but for the confirmation', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 4)
  const members = await ground.inTenant((db) => db.selectFrom('members').select(['id', 'phone_hash', 'phone_cipher']).orderBy('id').execute())
  const [out, deleted] = members
  await ground.inTenant(async (db) => {
    await db.updateTable('members').set({ opt_in_state: 'opted_out' }).where('id', '=', out!.id).execute()
    await db.updateTable('members').set({ deleted_at: new Date() }).where('id', '=', deleted!.id).execute()
    const recipient = { memberId: out!.id, phoneHash: out!.phone_hash, phoneCipher: out!.phone_cipher }
    await queueText(db, { kind: 'confirmation', lane: 'confirmation', text: 'You are out', from, recipient })
    await queueText(db, { kind: 'reply', lane: 'reply', text: 'No, stay', from, recipient })
    // A stranger who is no member, and has withdrawn.
    const phone = '+16155559003'
    const stranger = { memberId: null, phoneHash: ground.fields.blindIndex(phone), phoneCipher: ground.fields.encrypt(phone) }
    await db.insertInto('consent_logs').values({ phone_hash: stranger.phoneHash, action: 'withdrawn', source: 'keyword', evidence: '{}' }).execute()
    await queueText(db, { kind: 'reply', lane: 'reply', text: 'Hello stranger', from, recipient: stranger })
  })
  const { services, sent } = withCarrier(ground.app, accept)
  await dispatch(services, ground.tenantId, running)
  t.same(sent.map(({ text }) => text).sort(), ['Hello all', 'Hello all', 'You are out'])
  t.same(await states(ground), { sent: 3, suppressed: 3, cancelled: 1 })
  t.same(await waiting(ground), [])
  t.same(await ground.inTenant((db) => db.selectFrom('messages').select('status').distinct().execute()), [{ status: 'sent' }])
})

void t.test('a refused text fails with its code and stops nobody else', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 50)
  await ground.inTenant((db) => sql`UPDATE message_recipients SET phone_cipher = '\\x00' WHERE phone_hash = (SELECT max(phone_hash) FROM message_recipients)`.execute(db))
  let turn = 0
  const { services } = withCarrier(ground.app, () => ++turn % 10 === 0 ? { kind: 'refused', code: '40310', detail: 'Invalid number' } : accept())
  await dispatch(services, ground.tenantId, running)
  t.same(await states(ground), { sent: 45, failed: 5 })
  const failed = await ground.inTenant((db) => db.selectFrom('message_recipients').select(['error_code', 'failed_at']).where('status', '=', 'failed').orderBy('error_code').execute())
  t.match(failed, [...Array.from({ length: 4 }, () => ({ error_code: '40310', failed_at: Date })), { error_code: 'number_unreadable' }])
})

void t.test('what may have left is unknown and never sent again', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 10)
  const { services, sent } = withCarrier(ground.app, () => ({ kind: 'unknown', reason: 'timeout' }))
  await dispatch(services, ground.tenantId, running)
  await dispatch(services, ground.tenantId, running)
  t.equal(sent.length, 10)
  t.same(await states(ground), { unknown: 10 })
  t.same(await waiting(ground), [])
})

void t.test('what certainly did not leave waits and is tried again, and nothing else is tried meanwhile', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 30)
  let down = true
  const { services, sent } = withCarrier(ground.app, () => down ? { kind: 'not_sent', reason: 'carrier_rate_limit', retryAfterMs: 3_000 } : accept(), { SEND_CONCURRENCY: 4 })
  await dispatch(services, ground.tenantId, running)
  t.ok(sent.length >= 1 && sent.length <= 4, `${sent.length} were tried`)
  t.same(await states(ground), { queued: 30 })
  const rows = await waiting(ground)
  t.equal(rows.filter(({ claim_token: token }) => token === null).length, 30)
  const retried = rows.filter(({ attempts }) => attempts === 1)
  t.equal(retried.length, sent.length)
  t.ok(retried.every(({ not_before: time }) => time.getTime() > Date.now() + 2_000))
  const later = (await jobsOf(ground)).find(({ kind }) => kind === 'dispatch-at')
  t.ok(later !== undefined && later.inMs > 2_000 && later.inMs < 4_100, `the next visit is in ${later?.inMs} ms`)
  t.notOk((await jobsOf(ground)).some(({ kind }) => kind === 'dispatch'))
  down = false
  await ground.inTenant((db) => sql`UPDATE message_queue SET not_before = now()`.execute(db))
  await dispatch(services, ground.tenantId, running)
  t.same(await states(ground), { sent: 30 })
})

void t.test('a text that could never be handed over fails at last', async (t) => {
  const ground = await open(t)
  const { services, sent } = withCarrier(ground.app, () => ({ kind: 'not_sent', reason: 'ECONNREFUSED' }))
  await text(ground, '+16155559001', 'reply', 'a reply')
  for (let turn = 0; turn < 20; turn++) {
    await dispatch(services, ground.tenantId, running)
    await ground.inTenant((db) => sql`UPDATE message_queue SET not_before = now()`.execute(db))
  }
  t.equal(sent.length, 14)
  const [row] = await ground.inTenant((db) => db.selectFrom('message_recipients').select(['status', 'error_code', 'error_detail']).execute())
  t.match(row, { status: 'failed', error_code: 'carrier_unreachable', error_detail: /14 tries; the last: ECONNREFUSED/ })
})

void t.test('what a dead worker had claimed becomes unknown, settles by its delivery events, and is not sent again', async (t) => {
  const ground = await open(t)
  const messageId = await broadcast(ground, 6)
  await ground.inTenant(async (db) => {
    await sql`UPDATE message_queue SET claim_token = ${randomUUID()}, claimed_at = now() - interval '61 seconds'`.execute(db)
    await sql`UPDATE message_recipients SET status = 'sending'`.execute(db)
    await sql`UPDATE message_queue SET claimed_at = now() WHERE phone_hash = (SELECT max(phone_hash) FROM message_queue)`.execute(db)
  })
  const hashes = await ground.inTenant((db) => db.selectFrom('message_recipients').select('phone_hash').orderBy('phone_hash').execute())
  const event = { messageId, status: 'delivered' as const, occurredAt: new Date(), providerMessageId: null }
  const report = async (index: number): Promise<void> => {
    await ground.inTenant((db) => recordDeliveryEvents(db, [{ ...event, phoneHash: hashes[index]!.phone_hash }]))
  }
  await report(0)
  const { services, sent } = withCarrier(ground.app, accept)
  await dispatch(services, ground.tenantId, running)
  t.same(await states(ground), { delivered: 1, unknown: 4, sending: 1 })
  const visit = (await jobsOf(ground)).find(({ kind }) => kind === 'dispatch-at')
  t.ok(visit !== undefined && visit.inMs > 50_000 && visit.inMs < 61_500, 'the last one is looked at when its time is over')
  await report(1)
  await report(5)
  await dispatch(services, ground.tenantId, running)
  t.same(await states(ground), { delivered: 3, unknown: 3 })
  t.same(sent, [])
  t.same(await waiting(ground), [])
})

void t.test('an idle outbox is not visited again; one with a text for later is, once, at that time', async (t) => {
  const ground = await open(t)
  const { services, sent } = withCarrier(ground.app, accept)
  await dispatch(services, ground.tenantId, running)
  t.same(await jobsOf(ground), [])
  await text(ground, '+16155559001', 'reply', 'later')
  await ground.inTenant((db) => sql`UPDATE message_queue SET not_before = now() + interval '1 hour'`.execute(db))
  await dispatch(services, ground.tenantId, running)
  await dispatch(services, ground.tenantId, running)
  const jobs = await jobsOf(ground)
  t.match(jobs, [{ kind: 'dispatch-at' }])
  t.ok(Math.abs((jobs[0]?.inMs ?? 0) - 3_600_000) < 2_500)
  t.same(sent, [])
})

void t.test('a worker that is told to stop sends nothing more and leaves the rest to others', async (t) => {
  const ground = await open(t)
  await broadcast(ground, 200)
  const stop = new AbortController()
  const { services, sent } = withCarrier(ground.app, async () => {
    await pause(5)
    return accept()
  }, { SEND_CONCURRENCY: 4 })
  const visit = dispatch(services, ground.tenantId, stop.signal)
  await until(async () => sent.length > 0)
  stop.abort()
  await visit
  t.ok(sent.length < 200)
  t.same(await states(ground), { sent: sent.length, queued: 200 - sent.length })
  t.ok((await waiting(ground)).every(({ claim_token: token, attempts }) => token === null && attempts === 0))
  t.ok((await jobsOf(ground)).some(({ kind }) => kind === 'dispatch'))
})

void t.test('a suspended organization sends nothing, and its job does not fail', async (t) => {
  const ground = await open(t)
  await text(ground, '+16155559001', 'reply', 'a reply')
  await ground.app.services.registry.updateTable('tenants').set({ status: 'suspended' }).where('id', '=', ground.tenantId).execute()
  await until(() => ground.inTenant(async () => undefined).then(() => false, () => true))
  const { services, sent } = withCarrier(ground.app, accept)
  await dispatch(services, ground.tenantId, running)
  t.same(sent, [])
  await dispatch(services, 'tnobody00000' as TenantId, running)
})

void t.test('the lanes are in the order that the queue sorts by', async (t) => {
  t.same(lanes, { confirmation: 0, reply: 1, broadcast: 2 })
})
