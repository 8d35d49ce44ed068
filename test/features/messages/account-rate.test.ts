// The rate of the whole carrier account: the bucket in the registry, a process's share of it, and broadcasts and answers under it.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { type Config } from '../../../src/config.js'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { AccountPace } from '../../../src/features/messages/account-pace.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { leaseTokens, type LeaseOrder } from '../../../src/features/messages/lease-tokens.js'
import { queueText } from '../../../src/features/messages/queue-text.js'
import { type OutgoingText, type SendOutcome } from '../../../src/providers/carrier.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { buildTestApp, type TestApp } from '../../helpers/build.js'
import { captureLog } from '../../helpers/capture-log.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

type Tap = Parameters<typeof buildTestApp>[0]
const running = new AbortController().signal
const number = '+16155550100'
/** A turn of half a second, whose texts wait for a second at most. */
const quickTurns = { SEND_TIMEOUT_MS: 700, SEND_RECOVERY_MS: 2_000 }

async function open (t: Tap, members: number) {
  const app = await buildTestApp(t)
  const { tenantId } = await app.signUp()
  const fields = fieldCrypto(app.services.keyring, tenantId)
  const inTenant = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => app.services.tenancy.withTenant(tenantId, use)
  await inTenant((db) => addMembers({ db, fields }, members, 'opted_in', 1_000))
  const broadcast = (texts = members, mediaUrls: string[] = []): Promise<void> => inTenant(async (db) => {
    const { id } = await db.insertInto('messages').values({ kind: 'broadcast', text: 'Hello all', media_urls: mediaUrls, from_number: number }).returning('id').executeTakeFirstOrThrow()
    await sql`INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding) SELECT ${id}, phone_hash, id, phone_cipher, 1, 'gsm7' FROM members LIMIT ${texts}`.execute(db)
    await sql`INSERT INTO message_queue (message_id, phone_hash) SELECT ${id}, phone_hash FROM message_recipients WHERE message_id = ${id}`.execute(db)
  })
  const reply = (): Promise<unknown> => {
    const phone = '+16155559001'
    const recipient = { memberId: null, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }
    return inTenant((db) => queueText(db, { kind: 'reply', lane: 'reply', text: 'a reply', from: number, recipient }))
  }
  const states = async () => {
    const { rows } = await inTenant((db) => sql<{ status: string, count: number }>`SELECT status, count(*)::int AS count FROM message_recipients GROUP BY status`.execute(db))
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
  }
  const tokens = async (kind: 'sms' | 'mms') => (await app.services.registry.selectFrom('send_rates').select('tokens').where('kind', '=', kind).executeTakeFirstOrThrow()).tokens
  /** As if so many had been left just now. */
  const setTokens = async (tokens: number) => await sql`UPDATE send_rates SET tokens = ${tokens}, filled_at = now()`.execute(app.services.registry)
  return { app, tenantId, broadcast, reply, states, tokens, setTokens }
}

/** A process with these limits and nothing in its memory. */
function newProcess ({ services }: Pick<TestApp, 'services'>, limits: Partial<Config>) {
  const sent: OutgoingText[] = []
  const send = async (text: OutgoingText): Promise<SendOutcome> => {
    sent.push(text)
    return { kind: 'accepted', providerMessageId: randomUUID() }
  }
  return { sent, services: { ...services, config: { ...services.config, ...limits }, carrier: { ...services.carrier, send } } }
}

void t.test('the bucket grants what has come in since the last lease, half a second\'s worth at most, and whole tokens only', async (t) => {
  const { app: { services: { registry } } } = await open(t, 0)
  const began = Date.parse('2026-03-02T20:00:00Z')
  const at = (seconds: number) => sql<Date>`${new Date(began + seconds * 1_000)}::timestamptz`
  const lease = async (seconds: number, wanted: number, owed = 0, perSecond = 50) => {
    const { granted, left } = await leaseTokens(registry, { kind: 'sms', perSecond }, { wanted, owed }, at(seconds))
    return [granted, Math.round(left * 1_000) / 1_000]
  }
  await sql`UPDATE send_rates SET tokens = 0, filled_at = ${at(0)}`.execute(registry)
  t.same(await lease(10, 100), [25, 0], 'a pause earns half a second\'s worth')
  t.same(await lease(10.1, 3), [3, 2])
  t.same(await lease(10.11, 10), [2, 0.5])
  t.same(await lease(10.01, 10), [0, 0.5], 'by a clock that is behind')
  t.same(await lease(10.11, 10, 8), [0, -7.5], 'what is owed is charged in any case')
  t.same(await lease(10.25, 10), [0, -0.5])
  t.same(await lease(10.45, 10), [9, 0.5])
  t.same(await lease(11.45, 0, 100_000), [0, -500], 'ten seconds\' worth is paid back at most')
  t.same(await lease(11.95, 10, 0, 1_020), [10, 0], 'a limit that is raised fills it from then on')
  t.same(await lease(60, 10, 0, 1), [1, 0], 'one token at the least')
  t.same((await registry.selectFrom('send_rates').select('tokens').where('kind', '=', 'mms').executeTakeFirstOrThrow()).tokens, 0, 'picture messages have their own')
})

function paceWith (perSecond: number, lease: (order: LeaseOrder) => { granted: number, left: number }, now?: () => number) {
  const orders: LeaseOrder[] = []
  const { lines, log } = captureLog()
  const pace = new AccountPace({ perSecond, log, ...(now === undefined ? {} : { now }), lease: async (order) => { orders.push(order); return lease(order) } })
  return { pace, orders, lines }
}

void t.test('those who wait share one lease at a time, of a fifth of a second\'s worth at most, the longest waiting first', async (t) => {
  const { pace, orders } = paceWith(50, ({ wanted }) => ({ granted: wanted, left: 0 }))
  const party = {}
  const order: number[] = []
  const results = await Promise.all(Array.from({ length: 24 }, async (_, index) => {
    const mayLeave = await pace.take(1, party, 1_000)
    order.push(index)
    return mayLeave
  }))
  t.same(results, Array(24).fill(true))
  t.same(order, [...order].sort((one, other) => one - other))
  t.same(orders, [{ wanted: 1, owed: 0 }, { wanted: 10, owed: 0 }, { wanted: 10, owed: 0 }, { wanted: 3, owed: 0 }])
})

void t.test('a text of many parts goes when there is a token, and is charged in full; answers never wait and are charged too', async (t) => {
  const { pace, orders } = paceWith(5, ({ wanted }) => ({ granted: wanted, left: 0 }))
  const party = {}
  t.ok(await pace.take(10, party, 1_000))
  await until(async () => orders.length === 2)
  t.same(orders, [{ wanted: 1, owed: 0 }, { wanted: 0, owed: 9 }])
  pace.takeInAdvance(2)
  pace.takeInAdvance(3)
  await until(async () => orders.length === 4)
  t.same(orders.slice(2), [{ wanted: 0, owed: 2 }, { wanted: 0, owed: 3 }])
})

void t.test('what is held is dropped after a second', async (t) => {
  let ms = 0
  const { pace, orders } = paceWith(50, () => ({ granted: 10, left: 0 }), () => ms)
  const party = {}
  await pace.take(1, party, 1_000)
  ms = 1_000
  t.ok(await pace.take(1, party, 1_000))
  t.equal(orders.length, 1, 'nine are held')
  ms = 1_001
  t.ok(await pace.take(1, party, 1_000))
  t.equal(orders.length, 2)
})

void t.test('waiting ends with its time, or when its party is released, and nobody asks any more then', async (t) => {
  let ms = 0
  const { pace, orders } = paceWith(1_000, () => ({ granted: 0, left: 0 }), () => ms++)
  t.equal(await pace.take(1, {}, 5), false)
  t.equal(await pace.take(1, {}, 0), false)
  const asked = orders.length
  await pause(60)
  t.equal(orders.length, asked)
  const party = {}
  const waiting = pace.take(1, party, 1_000)
  pace.release({})
  pace.release(party)
  t.equal(await waiting, false)
})

void t.test('a registry out of reach is told to those who wait; what answers took is charged later', async (t) => {
  let down = true
  const { pace, orders, lines } = paceWith(50, ({ wanted }) => {
    if (down) throw new Error('no registry')
    return { granted: wanted, left: 0 }
  })
  await t.rejects(pace.take(1, {}, 1_000), { message: 'no registry' })
  pace.takeInAdvance(4)
  await until(async () => lines().length === 1)
  down = false
  t.ok(await pace.take(1, {}, 1_000))
  t.same(orders.at(-1), { wanted: 1, owed: 4 })
})

void t.test('two processes together keep to the account\'s rate', async (t) => {
  const { app, tenantId, broadcast, setTokens } = await open(t, 150)
  const other = await app.anotherProcess()
  const limits = { SEND_RATE_ACCOUNT_SMS: 60, SEND_RATE_ACCOUNT_MMS: 20, SEND_TIMEOUT_MS: 1_500, SEND_RECOVERY_MS: 4_000 }
  const processes = [newProcess(app, limits), newProcess(other, limits)] as const
  await broadcast(90)
  await broadcast(150, ['https://example.org/a.png'])
  const began = performance.now()
  await setTokens(0)
  await Promise.all(processes.map(({ services }) => dispatch(services, tenantId, running)))
  const seconds = (performance.now() - began) / 1_000
  const sent = processes.map((one) => one.sent)
  const all = sent.flat()
  const pictures = all.filter(({ mediaUrls }) => mediaUrls.length > 0).length
  const words = all.length - pictures
  t.comment(`${words} texts and ${pictures} picture messages in ${seconds} s, ${sent.map(({ length }) => length).join(' and ')}`)
  t.ok(words <= 60 * seconds, `${words} texts`)
  t.ok(words >= 40 && pictures > 0, 'and both kinds go on')
  t.ok(pictures <= 20 * seconds, `${pictures} picture messages`)
  t.ok(sent.every(({ length }) => length > 0), 'both take part')
})

void t.test('while broadcasts wait for the account an answer leaves at once and is charged; a restart refills nothing', async (t) => {
  const { app, tenantId, broadcast, reply, states, tokens, setTokens } = await open(t, 100)
  const limits = { SEND_RATE_ACCOUNT_SMS: 1, ...quickTurns }
  await broadcast()
  for (let restart = 0; restart < 2; restart++) {
    await setTokens(-9)
    const { services, sent } = newProcess(app, limits)
    await dispatch(services, tenantId, running)
    t.same(sent, [])
  }
  t.same(await states(), { queued: 100 })
  await reply()
  const { services, sent } = newProcess(app, limits)
  await setTokens(0.5)
  const visit = dispatch(services, tenantId, running)
  await until(async () => sent.length > 0)
  t.match(sent, [{ text: 'a reply' }])
  await visit
  t.ok(await tokens('sms') <= 1)
  t.ok(sent.length <= 2)
})

void t.test('who waits for the account is let go when the worker stops, and the texts wait on', async (t) => {
  const { app, tenantId, broadcast, states, setTokens } = await open(t, 100)
  const { services, sent } = newProcess(app, { SEND_RATE_ACCOUNT_SMS: 1 })
  await setTokens(-9)
  await broadcast()
  const stopping = new AbortController()
  const visit = dispatch(services, tenantId, stopping.signal)
  await until(async () => Object.keys(await states()).includes('sending'))
  stopping.abort()
  const began = performance.now()
  await visit
  t.ok(performance.now() - began < 1_500, 'long before their waiting would have ended')
  t.same(sent, [])
  t.same(await states(), { queued: 100 })
})

void t.test('a registry that fails while texts wait fails the visit, and the texts wait on', async (t) => {
  const { app, tenantId, broadcast, states } = await open(t, 10)
  const { services, sent } = newProcess(app, { SEND_RATE_ACCOUNT_SMS: 5 })
  await broadcast()
  await sql`DELETE FROM send_rates`.execute(app.services.registry)
  await t.rejects(dispatch(services, tenantId, running), { message: 'send_rates has no row sms' })
  t.same(sent, [])
  t.same(await states(), { queued: 10 })
})
