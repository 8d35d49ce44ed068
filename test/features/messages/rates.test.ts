// The limits on how fast texts leave: of a number, a campaign and a brand, kept over restarts. The buckets are filled by a clock that the test turns.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { type Config } from '../../../src/config.js'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { claimTexts } from '../../../src/features/messages/claim-texts.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { queueText } from '../../../src/features/messages/queue-text.js'
import { paceOf, type RateSettings } from '../../../src/features/messages/rates.js'
import { type Traffic } from '../../../src/features/messages/traffic.js'
import { type SendOutcome } from '../../../src/providers/carrier.js'
import { type TenantDb, type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp, type TestApp } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

const running = new AbortController().signal
const none = { SEND_RATE_LONG_CODE: 0, SEND_RATE_TOLL_FREE: 0, SEND_RATE_CAMPAIGN_PER_MINUTE: 0, SEND_RATE_BRAND_PER_DAY: 0 }
const number = '+16155550100'
/** Noon in California. */
const noon = Date.parse('2026-03-02T20:00:00Z')
const [minute, hour] = [60, 3_600]

interface Shared { app: TestApp, tenantId: TenantId }
let shared: Shared

t.before(async () => {
  const app = await buildTestApp(t)
  const { tenantId } = await app.signUp()
  await app.services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, 200, 'opted_in', 1_000))
  shared = { app, tenantId }
})

/** An organization that has sent nothing yet. */
async function open () {
  const { app, tenantId } = shared
  const fields = fieldCrypto(app.services.keyring, tenantId)
  const inTenant = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => app.services.tenancy.withTenant(tenantId, use)
  await inTenant((db) => sql`TRUNCATE send_buckets, messages CASCADE`.execute(db))
  const broadcast = (from: string, texts: number, parts = 1, mediaUrls: string[] = []): Promise<void> => inTenant(async (db) => {
    const { id } = await db.insertInto('messages').values({ kind: 'broadcast', text: 'Hello all', media_urls: mediaUrls, from_number: from }).returning('id').executeTakeFirstOrThrow()
    await sql`INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding) SELECT ${id}, phone_hash, id, phone_cipher, ${parts}, 'gsm7' FROM members LIMIT ${texts}`.execute(db)
    await sql`INSERT INTO message_queue (message_id, phone_hash) SELECT ${id}, phone_hash FROM message_recipients WHERE message_id = ${id}`.execute(db)
  })
  const reply = (from: string): Promise<unknown> => {
    const phone = '+16155559001'
    const recipient = { memberId: null, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }
    return inTenant((db) => queueText(db, { kind: 'reply', lane: 'reply', text: 'a reply', from, recipient }))
  }
  const bucket = (name: string) => inTenant((db) => db.selectFrom('send_buckets').selectAll().where('name', '=', name).executeTakeFirstOrThrow())
  /** How many texts a worker gets so many seconds after noon. */
  const claim = async (seconds: number, limits: Partial<RateSettings>, traffic: Traffic = 'broadcasts') => {
    const now = sql<Date>`${new Date(noon + seconds * 1_000)}::timestamptz`
    return (await inTenant((db) => claimTexts(db, { token: randomUUID(), traffic, limit: 1_000, now }, { ...none, ...limits }))).length
  }
  return { inTenant, broadcast, reply, bucket, claim }
}

/** A process with these limits and nothing in its memory. */
function newProcess (limits: Partial<Config>) {
  const { services } = shared.app
  const sent: string[] = []
  const send = async ({ text }: { text: string }): Promise<SendOutcome> => {
    sent.push(text)
    return { kind: 'accepted', providerMessageId: randomUUID() }
  }
  return { sent, services: { ...services, config: { ...services.config, ...limits }, carrier: { ...services.carrier, send } } }
}

void t.test('at 50 a second half a second\'s worth leaves at once and the rest at just that rate, never 76 within a second', async (t) => {
  const { broadcast, claim } = await open()
  await broadcast(number, 200)
  const claims: Array<{ ms: number, texts: number }> = []
  for (let ms = 0; ms <= 3_600; ms += 50) claims.push({ ms, texts: await claim(ms / 1_000, { SEND_RATE_LONG_CODE: 50 }) })
  let left = 0
  for (const { ms, texts } of claims) {
    left += texts
    // An empty bucket opens again after an eighth of a second: with these visits, at every third.
    if (ms % 150 === 0) t.equal(left, Math.min(Math.floor(25 + ms / 20), 200), `after ${ms} ms`)
    else t.equal(texts, 0, `at ${ms} ms`)
  }
  const within = (from: number) => claims.filter(({ ms }) => ms >= from && ms < from + 1_000).reduce((sum, { texts }) => sum + texts, 0)
  t.ok(Math.max(...claims.map(({ ms }) => within(ms))) <= 75)
})

void t.test('a broadcast at a limit goes on by itself until all have left', async (t) => {
  const app = await buildTestApp(t, { carrier: true, config: { SEND_RATE_LONG_CODE: 50 } })
  const { tenantId, headers } = await app.signUp()
  await app.addNumber({ tenantId })
  await app.services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, 60, 'opted_in', 1_000))
  const began = performance.now()
  t.equal((await app.app.inject({ method: 'POST', url: '/api/messages', headers, payload: { text: 'Hello all', to: { all: true } } })).statusCode, 202)
  await app.startWorker()
  await until(async () => (await (await fetch(`${app.carrier!.url}/sandbox/counts`)).json() as { accepted: number }).accepted === 60, 20_000)
  t.ok(performance.now() - began >= 700, 'twenty-five at once, and the last thirty-five take 0.7 s')
})

void t.test('a restart does not refill the bucket', async (t) => {
  const { broadcast } = await open()
  await broadcast(number, 60)
  const sent = []
  for (let restart = 0; restart < 6; restart++) {
    const fresh = newProcess({ SEND_RATE_CAMPAIGN_PER_MINUTE: 1 })
    await dispatch(fresh.services, shared.tenantId, running)
    sent.push(fresh.sent.length)
  }
  t.same(sent, [1, 0, 0, 0, 0, 0])
})

void t.test('what a brand may send in a day is counted in parts and closes its broadcasts until midnight Pacific; answers go on and are counted', async (t) => {
  const { broadcast, reply, bucket, claim } = await open()
  const limits = { SEND_RATE_BRAND_PER_DAY: 30 }
  await broadcast(number, 40, 2)
  t.equal(await claim(0, limits), 15)
  for (const seconds of [1, 10 * minute, 11 * hour + 50 * minute]) t.equal(await claim(seconds, limits), 0)
  t.equal((await bucket('brand')).closed_until?.getTime(), noon + 12 * hour * 1_000)
  await reply(number)
  t.equal(await claim(11 * hour + 51 * minute, limits, 'answers'), 1)
  t.equal((await bucket('brand')).tokens, -31)
  t.equal(await claim(12 * hour - 1, limits), 0)
  t.equal(await claim(12 * hour, limits), 15, 'the next day has its own')
})

void t.test('a brand\'s limit that is raised counts within ten minutes, by what has left of it already, and so does one that is lowered', async (t) => {
  const { broadcast, claim } = await open()
  await broadcast(number, 100)
  t.equal(await claim(0, { SEND_RATE_BRAND_PER_DAY: 30 }), 30)
  const raised = { SEND_RATE_BRAND_PER_DAY: 50 }
  t.equal(await claim(10 * minute - 1, raised), 0)
  t.equal(await claim(10 * minute, raised), 20)
  t.equal(await claim(20 * minute, { SEND_RATE_BRAND_PER_DAY: 40 }), 0)
  t.equal(await claim(30 * minute, { SEND_RATE_BRAND_PER_DAY: 60 }), 10)
  t.equal(await claim(40 * minute, none), 40, 'no limit at all')
})

void t.test('a campaign\'s limit that is raised pays back at its own rate what answers have overdrawn', async (t) => {
  const { inTenant, broadcast, claim } = await open()
  await broadcast(number, 100)
  t.equal(await claim(0, { SEND_RATE_CAMPAIGN_PER_MINUTE: 60 }), 1)
  await inTenant((db) => sql`UPDATE send_buckets SET tokens = -100000, closed_until = NULL`.execute(db))
  t.equal(await claim(0, { SEND_RATE_CAMPAIGN_PER_MINUTE: 60 }), 0)
  const raised = { SEND_RATE_CAMPAIGN_PER_MINUTE: 60_000 }
  t.equal(await claim(10 * minute - 1, raised), 0)
  t.equal(await claim(10 * minute, raised), 99)
})

void t.test('a limit that is raised does not open what the carrier has closed', async (t) => {
  const { inTenant, broadcast, claim } = await open()
  await broadcast(number, 10)
  t.equal(await claim(0, { SEND_RATE_LONG_CODE: 2 }), 1)
  await inTenant((db) => sql`UPDATE send_buckets SET closed_until = ${new Date(noon + hour * 1_000)}::timestamptz`.execute(db))
  t.equal(await claim(59 * minute, { SEND_RATE_LONG_CODE: 100 }), 0)
  t.equal(await claim(hour, { SEND_RATE_LONG_CODE: 100 }), 9)
})

void t.test('a campaign has so many parts a minute from all its numbers, and each number its own; a picture message counts once', async (t) => {
  const { inTenant, broadcast, claim } = await open()
  await broadcast(number, 30)
  await broadcast('+16155550101', 30)
  const campaign = { SEND_RATE_CAMPAIGN_PER_MINUTE: 600 }
  t.same([await claim(0, campaign), await claim(0.2, campaign), await claim(0.4, campaign), await claim(5, campaign)], [5, 2, 2, 5])
  await inTenant((db) => sql`UPDATE messages SET status = 'cancelled'`.execute(db))
  await broadcast('+18885550100', 30, 10, ['https://example.org/a.png'])
  t.equal(await claim(10, { SEND_RATE_LONG_CODE: 1, SEND_RATE_TOLL_FREE: 60 }), 30)
})

void t.test('an answer may overdraw its number\'s bucket by one filling, which the broadcast pays back', async (t) => {
  const { broadcast, reply, bucket, claim } = await open()
  const limits = { SEND_RATE_LONG_CODE: 2 }
  await broadcast(number, 30)
  t.equal(await claim(0, limits), 1)
  for (let turn = 0; turn < 2; turn++) await reply(number)
  t.equal(await claim(0, limits, 'answers'), 1)
  t.equal((await bucket(`number:${number}`)).tokens, -1)
  t.same([await claim(0.5, limits), await claim(0.9, limits)], [0, 0])
  t.equal(await claim(1, limits), 1)
})

void t.test('how fast a message leaves is told by the slowest limit, and a day\'s share by its parts', async (t) => {
  const account = { SEND_RATE_ACCOUNT_SMS: 0, SEND_RATE_ACCOUNT_MMS: 0 }
  const pace = (limits: Partial<RateSettings & typeof account>, from = number, kind: 'sms' | 'mms' = 'sms', parts = 1) => paceOf({ from, kind, parts }, { ...none, ...account, ...limits })
  t.same(pace({}), { perSecond: Infinity, perDay: Infinity })
  t.same(pace({ SEND_RATE_TOLL_FREE: 20, SEND_RATE_LONG_CODE: 1 }, '+18885550100'), { perSecond: 20, perDay: Infinity })
  t.same(pace({ SEND_RATE_LONG_CODE: 50, SEND_RATE_CAMPAIGN_PER_MINUTE: 240 }), { perSecond: 4, perDay: Infinity })
  t.same(pace({ SEND_RATE_LONG_CODE: 10, SEND_RATE_BRAND_PER_DAY: 2_000 }, number, 'sms', 3), { perSecond: 10 / 3, perDay: 666 })
  t.same(pace({ SEND_RATE_ACCOUNT_SMS: 40, SEND_RATE_ACCOUNT_MMS: 10 }), { perSecond: 40, perDay: Infinity })
  t.same(pace({ SEND_RATE_ACCOUNT_SMS: 40, SEND_RATE_ACCOUNT_MMS: 10 }, number, 'mms'), { perSecond: 10, perDay: Infinity })
  t.same(paceOf({ from: number, kind: 'sms', parts: 1 }, none), { perSecond: 50, perDay: Infinity }, 'the account\'s default')
  t.same(paceOf({ from: number, kind: 'mms', parts: 1 }, none), { perSecond: 15, perDay: Infinity })
})
