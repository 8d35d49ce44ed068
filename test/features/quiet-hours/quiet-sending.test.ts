// Broadcasts and the night: put off and not dropped, local times, deadlines. The clock is the test's; the verbs are the product's.
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { keepToDaytime } from '../../../src/features/messages/keep-to-daytime.js'
import { type MessageWithAudience, type Recipient } from '../../../src/features/messages/schemas.js'
import { startMessage } from '../../../src/features/messages/start-message.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp, type BuildOptions } from '../../helpers/build.js'

type Tap = Parameters<typeof buildTestApp>[0]

/** Nashville, Houston, Miami, Los Angeles, Honolulu. */
const phones = { tn: '+16155550101', tx: '+17135550101', fl: '+13055550101', ca: '+12135550101', hi: '+18085550101' }

/** The clock stands still at `time` until it is turned. The organization is in New York. */
async function open (t: Tap, time: string, config: BuildOptions['config'] = {}) {
  let now = new Date(time)
  const app = await buildTestApp(t, { config: { QUIET_HOURS: 'kept', ...config }, clock: { now: () => now } })
  // Tokens are signed by the real clock.
  const organization = await app.signUp()
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  const { tenantId } = organization
  const { tenancy, keyring } = app.services
  const fields = fieldCrypto(keyring, tenantId)
  const addMember = async (phone: string, more: object = {}) => (await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: 'O', phone, optIn: { source: 'form' }, ...more })).body.id
  const send = async (more: object = {}) => await api<MessageWithAudience>('POST', '/messages', { text: 'Hello', to: { all: true }, ...more })
  const queue = async (messageId: string) => {
    const rows = await tenancy.withTenant(tenantId, async (db) => await db.selectFrom('message_queue as q').innerJoin('message_recipients as r', (join) => join.onRef('r.message_id', '=', 'q.message_id').onRef('r.phone_hash', '=', 'q.phone_hash'))
      .select(['r.phone_cipher', 'q.not_before', 'q.quiet_from', 'q.deferred', 'q.time_zone', 'q.region']).where('q.message_id', '=', messageId).execute())
    return Object.fromEntries(rows.map((row) => [fields.decrypt(row.phone_cipher), { notBefore: row.not_before.toISOString(), quietFrom: row.quiet_from?.toISOString(), deferred: row.deferred, zone: row.time_zone, region: row.region }]))
  }
  const visit = async () => await tenancy.withTenant(tenantId, async (db) => await keepToDaytime(app.services, db))
  const start = async (id: string) => await tenancy.withTenant(tenantId, async (db, tenant) => await startMessage(app.services, db, tenant, id))
  return { app, organization, api, addMember, send, queue, visit, start, turn: (to: string) => { now = new Date(to) } }
}

void t.test('a broadcast in the evening leaves where it is still day, and waits for morning where it is not', async (t) => {
  const { send, addMember, queue, api } = await open(t, '2026-03-03T01:30:00Z')
  for (const phone of Object.values(phones)) await addMember(phone)
  t.match((await api('POST', '/messages/preview', { text: 'Hello', to: { all: true } })).body, { recipients: 5, deferred: 1, lastLeavesAt: '2026-03-03T13:00:00.000Z' })
  const sent = await send()
  t.equal(sent.status, 202)
  const rows = await queue(sent.body.id)
  t.match(rows[phones.fl], { deferred: true, notBefore: '2026-03-03T13:00:00.000Z', quietFrom: '2026-03-04T00:59:00.000Z', region: 'FL' }, '20:30 in Florida is past eight')
  t.match(rows[phones.tn], { deferred: false, quietFrom: '2026-03-03T02:59:00.000Z', zone: 'America/Chicago' }, '19:30 in Tennessee')
  t.match(rows[phones.tx], { deferred: false, region: 'TX' })
  t.match(rows[phones.hi], { deferred: false, zone: 'Pacific/Honolulu' })
  t.match(sent.body, { counts: { queued: 5 }, deferred: { count: 1, from: '2026-03-03T13:00:00.000Z', until: '2026-03-03T13:00:00.000Z' } })
  const night = await open(t, '2026-03-08T05:00:00Z')
  for (const phone of [phones.fl, phones.tx, phones.hi]) await night.addMember(phone)
  t.match((await night.send()).body.deferred, { count: 2, from: '2026-03-08T12:00:00.000Z', until: '2026-03-08T17:00:00.000Z' }, 'summer time begins that night; Texas sleeps until noon on Sunday')
  t.match((await api<{ items: Recipient[] }>('GET', `/messages/${sent.body.id}/recipients`)).body.items.length, 5)
})

void t.test('a broadcast of unknown fate that is sent once more waits for morning as well; an answer does not', async (t) => {
  const { app, organization: { tenantId }, send, addMember, queue, api, turn } = await open(t, '2026-03-02T18:00:00Z')
  const member = await addMember(phones.fl)
  const { body: { id } } = await send()
  const [letter, answer] = await app.services.tenancy.withTenant(tenantId, async (db) => {
    const first = await db.selectFrom('message_recipients').select(['phone_hash', 'phone_cipher']).where('message_id', '=', id).executeTakeFirstOrThrow()
    await db.updateTable('message_recipients').set({ status: 'unknown' }).execute()
    await db.deleteFrom('message_queue').execute()
    const reply = await db.insertInto('messages').values({ kind: 'reply', text: 'Hello', from_number: '+16155550100' }).returning('id').executeTakeFirstOrThrow()
    await db.insertInto('message_recipients').values({ message_id: reply.id, ...first, member_id: member, parts: 1, encoding: 'gsm7', status: 'unknown' }).execute()
    const letters = [id, reply.id].map((messageId) => ({ category: 'sms_send' as const, status: 'pending' as const, message_id: messageId, phone_hash: first.phone_hash, error: 'timeout' }))
    return (await db.insertInto('dead_letter_queue').values(letters).returning('id').execute()).map((row) => row.id)
  })
  turn('2026-03-03T01:30:00Z')
  const resend = async (letterId: string | undefined) => {
    const { status, body } = await api<{ resentMessageId: string }>('POST', `/dead-letters/${letterId ?? ''}/resend`)
    t.equal(status, 202)
    return (await queue(body.resentMessageId))[phones.fl]
  }
  t.match(await resend(letter), { deferred: true, notBefore: '2026-03-03T13:00:00.000Z', quietFrom: '2026-03-04T00:59:00.000Z', region: 'FL' })
  t.match(await resend(answer), { deferred: false, quietFrom: undefined })
})

void t.test('whose clocks count: the member\'s own zone, then a branch\'s, the number\'s, the organization\'s', async (t) => {
  const { send, addMember, queue, api } = await open(t, '2026-03-02T18:00:00Z')
  const branch = async (name: string, timeZone: string | null) => (await api<{ id: string }>('POST', '/branches', { name, timeZone })).body.id
  const [denver, none] = [await branch('Denver', 'America/Denver'), await branch('None', null)]
  await addMember(phones.tn, { timeZone: 'Europe/Berlin', branchIds: [denver] })
  await addMember(phones.tx, { branchIds: [none, denver] })
  await addMember(phones.ca)
  await addMember('+18005550123')
  const rows = await queue((await send()).body.id)
  t.strictSame([phones.tn, phones.tx, phones.ca, '+18005550123'].map((phone) => [rows[phone]?.zone, rows[phone]?.region]), [
    ['Europe/Berlin', 'TN'], ['America/Denver', 'TX'], ['America/Los_Angeles', 'CA'], ['America/New_York', null]
  ])
})

void t.test('what still waits when the window closes goes on the next day, and is not dropped', async (t) => {
  const { send, addMember, queue, visit, turn, api } = await open(t, '2026-03-03T02:50:00Z')
  await addMember(phones.tn)
  await addMember(phones.ca)
  const { id } = (await send()).body
  t.match((await queue(id))[phones.tn], { deferred: false, quietFrom: '2026-03-03T02:59:00.000Z' })
  t.strictSame(await visit(), { deferred: 0, dropped: 0 }, 'nothing yet')
  turn('2026-03-03T02:59:00Z')
  t.strictSame(await visit(), { deferred: 1, dropped: 0 }, 'a minute before nine: what is taken now may not have left by nine')
  t.match(await queue(id), { [phones.tn]: { deferred: true, notBefore: '2026-03-03T14:00:00.000Z', quietFrom: '2026-03-04T02:59:00.000Z' }, [phones.ca]: { deferred: false } })
  t.match((await api<MessageWithAudience>('GET', `/messages/${id}`)).body, { status: 'sending', counts: { queued: 2, cancelled: 0 }, deferred: { count: 1 } })
  turn('2026-03-03T14:00:00Z')
  t.strictSame(await visit(), { deferred: 1, dropped: 0 }, 'by now California has slept through its window')
  t.match((await queue(id))[phones.tn], { quietFrom: '2026-03-04T02:59:00.000Z' })
})

void t.test('a worker that was away all night finds it day again, and leaves what is due alone', async (t) => {
  const { send, addMember, queue, visit, turn } = await open(t, '2026-03-03T02:50:00Z')
  await addMember(phones.tn)
  const { id } = (await send()).body
  turn('2026-03-03T16:00:00Z')
  await visit()
  t.match((await queue(id))[phones.tn], { deferred: false, quietFrom: '2026-03-04T02:59:00.000Z' })
})

void t.test('a local time starts with the first zone, and each recipient has their own; where it has passed it is now', async (t) => {
  const { send, addMember, queue, start, turn } = await open(t, '2026-03-07T12:00:00Z')
  for (const phone of Object.values(phones)) await addMember(phone)
  const sendAtLocal = { date: '2026-03-08', time: '09:30' }
  const sent = await send({ sendAtLocal })
  t.match([sent.status, sent.body], [202, { status: 'scheduled', sendAt: '2026-03-08T13:30:00.000Z', sendAtLocal, audienceSize: 5 }], 'in New York, already in summer time')
  turn('2026-03-08T13:30:00Z')
  t.match(await start(sent.body.id), { chosen: 5, queued: 5 })
  t.match(await queue(sent.body.id), {
    [phones.fl]: { deferred: false, notBefore: /2026/ },
    [phones.tn]: { deferred: false, notBefore: '2026-03-08T14:30:00.000Z' },
    [phones.ca]: { notBefore: '2026-03-08T16:30:00.000Z' },
    [phones.hi]: { notBefore: '2026-03-08T19:30:00.000Z' },
    [phones.tx]: { deferred: true, notBefore: '2026-03-08T17:00:00.000Z' }
  })
  const late = await send({ sendAtLocal: { date: '2026-03-08', time: '08:00' } })
  t.match(late.body, { status: 'sending', sendAt: null })
  t.match(await queue(late.body.id), { [phones.hi]: { notBefore: '2026-03-08T18:00:00.000Z' }, [phones.tn]: { deferred: false } })
  t.match((await send({ sendAtLocal: { date: '2026-03-07', time: '08:00' } })).body, { code: 'VALIDATION_FAILED', errors: [{ path: '/body/sendAtLocal' }] }, 'passed everywhere')
  t.match((await send({ sendAtLocal, sendAt: '2026-03-09T00:00:00Z' })).code, 'VALIDATION_FAILED')
})

void t.test('a local time in the gap is an hour later, one shown twice the first', async (t) => {
  const { send, addMember, queue, start, turn } = await open(t, '2026-03-07T12:00:00Z', { QUIET_HOURS: 'ignored' })
  await addMember(phones.ca)
  const gap = (await send({ sendAtLocal: { date: '2026-03-08', time: '02:30' } })).body
  const twice = (await send({ sendAtLocal: { date: '2026-11-01', time: '01:30' } })).body
  turn('2026-03-08T07:30:00Z')
  t.match([gap.sendAt, twice.sendAt], ['2026-03-08T07:30:00.000Z', '2026-11-01T05:30:00.000Z'], 'in New York')
  await start(gap.id)
  t.match((await queue(gap.id))[phones.ca], { notBefore: '2026-03-08T10:30:00.000Z' })
  turn('2026-11-01T05:30:00Z')
  await start(twice.id)
  t.match((await queue(twice.id))[phones.ca], { notBefore: '2026-11-01T08:30:00.000Z' })
})

void t.test('a deadline drops what cannot leave before it, and says so', async (t) => {
  const { send, addMember, visit, turn, api } = await open(t, '2026-03-03T01:30:00Z')
  await addMember(phones.tn)
  await addMember(phones.fl)
  const sent = await send({ sendBefore: '2026-03-03T02:30:00Z' })
  t.match(sent.body, { sendBefore: '2026-03-03T02:30:00.000Z', counts: { queued: 1, cancelled: 1 }, deferred: null }, 'in Florida it could only leave in the morning')
  const recipients = async () => (await api<{ items: Recipient[] }>('GET', `/messages/${sent.body.id}/recipients?status=cancelled`)).body.items
  t.match(await recipients(), [{ phone: phones.fl, errorCode: 'too_late' }])
  turn('2026-03-03T02:28:59Z')
  t.match(await visit(), { dropped: 0 })
  turn('2026-03-03T02:29:00Z')
  t.match(await visit(), { dropped: 1 })
  t.match((await recipients()).length, 2)
  t.match((await send({ sendBefore: '2026-03-03T02:30:00Z' })).body, { code: 'VALIDATION_FAILED', errors: [{ path: '/body/sendBefore' }] })
})
