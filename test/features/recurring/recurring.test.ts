// /api/recurring-messages: what is shown before saving, one message for each occurrence, restarts, exceptions, and rules that fail.
import t from 'tap'
import { runRecurring } from '../../../src/features/recurring/run-occurrence.js'
import { type MessageWithAudience } from '../../../src/features/messages/schemas.js'
import { type PastOccurrence, type RecurringWithNext } from '../../../src/features/recurring/schemas.js'
import { startDue } from '../../../src/features/messages/start-due.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

type Tap = Parameters<typeof buildTestApp>[0]
interface Items<T> { items: T[] }

/** The clock stands still until it is turned; the jobs are called by hand. The organization is in New York. */
async function open (t: Tap, time: string) {
  let now = new Date(time)
  const app = await buildTestApp(t, { clock: { now: () => now } })
  const organization = await app.signUp()
  const api = apiOf(app.app, organization)
  await app.addNumber(organization)
  const member = async (phone: string) => (await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: 'O', phone, optIn: { source: 'form' } })).body.id
  const create = async (more: object = {}) => await api<RecurringWithNext & { errors: unknown }>('POST', '/recurring-messages', { name: 'Sunday', rule: 'FREQ=DAILY', time: '09:00', text: 'Hello', to: { all: true }, ...more })
  const past = async (id: string) => (await api<Items<PastOccurrence>>('GET', `/recurring-messages/${id}/occurrences`)).body.items
  const run = async (id: string) => { await runRecurring(app.services, organization.tenantId, id) }
  const read = async (id: string) => (await api<RecurringWithNext>('GET', `/recurring-messages/${id}`)).body
  const messages = async () => (await api<Items<MessageWithAudience>>('GET', '/messages')).body.items
  const start = async (id: string) => { await startDue(app.services, organization.tenantId, id) }
  return { app, organization, api, member, create, past, run, read, messages, start, turn: (to: string) => { now = new Date(to) } }
}

void t.test('the next ten occurrences are shown before anything is saved', async (t) => {
  const { api } = await open(t, '2026-03-06T12:00:00Z')
  const preview = await api<{ nextOccurrences: object[] }>('POST', '/recurring-messages/preview', { rule: 'FREQ=DAILY', time: '02:30', skippedDates: ['2026-03-09'] })
  t.equal(preview.status, 200)
  t.equal(preview.body.nextOccurrences.length, 10)
  t.match(preview.body.nextOccurrences.slice(0, 3), [
    { date: '2026-03-07', at: '2026-03-07T07:30:00.000Z', skipped: false }, { date: '2026-03-08', at: '2026-03-08T07:30:00.000Z' }, { date: '2026-03-09', at: '2026-03-09T06:30:00.000Z', skipped: true }
  ], 'on the 8th the clocks skip half past two')
  t.match((await api('GET', '/recurring-messages')).body, { items: [] })
  const bad: object[] = [{ rule: 'FREQ=HOURLY', time: '09:00' }, { rule: 'FREQ=DAILY', time: '24:00' }, { rule: 'FREQ=DAILY', time: '09:00', timeZone: 'Mars/Base' }, { rule: 'FREQ=DAILY', time: '09:00', startDate: '1900-01-01' }]
  for (const body of bad) t.equal((await api('POST', '/recurring-messages/preview', body)).code, 'VALIDATION_FAILED', JSON.stringify(body))
})

void t.test('each occurrence is one message, however often the job comes, to whoever has not opted out by then', async (t) => {
  const { create, run, read, messages, start, turn, past, member, api } = await open(t, '2026-03-06T12:00:00Z')
  await member('+16155550101')
  const leaving = await member('+16155550102')
  const { status, body: { id, nextOccurrenceAt } } = await create()
  t.match([status, nextOccurrenceAt], [201, '2026-03-06T14:00:00.000Z'])
  await run(id)
  t.strictSame(await past(id), [], 'not yet')
  await api('PATCH', `/members/${leaving}`, { optOut: {} })
  turn('2026-03-06T14:00:01Z')
  await Promise.all([run(id), run(id), run(id)])
  await run(id)
  const [message, ...more] = await messages()
  t.match([message?.status, more.length], ['scheduled', 0])
  await start(message?.id ?? '')
  t.match((await messages())[0], { status: 'sending', sendAt: '2026-03-06T14:00:00.000Z', counts: { queued: 1, suppressed: 0 } })
  t.match(await past(id), [{ at: '2026-03-06T14:00:00.000Z', outcome: 'sent', messageId: message?.id }])
  t.match(await read(id), { status: 'active', nextOccurrenceAt: '2026-03-07T14:00:00.000Z', lastError: null })
  turn('2026-03-08T13:00:00Z')
  await run(id)
  t.match(await read(id), { nextOccurrenceAt: '2026-03-09T13:00:00.000Z' }, 'in summer time')
})

void t.test('after a time without service the latest one is made if it is not too old, and the others are on record as missed', async (t) => {
  const { create, run, read, messages, turn, past } = await open(t, '2026-03-02T12:00:00Z')
  const { id } = (await create()).body
  turn('2026-03-05T14:59:00Z')
  await run(id)
  t.match((await past(id)).map(({ at, outcome }) => [at, outcome]), [
    ['2026-03-05T14:00:00.000Z', 'sent'], ['2026-03-04T14:00:00.000Z', 'missed'], ['2026-03-03T14:00:00.000Z', 'missed'], ['2026-03-02T14:00:00.000Z', 'missed']
  ])
  t.equal((await messages()).length, 1)
  turn('2026-03-06T15:00:01Z')
  await run(id)
  t.match((await past(id))[0], { at: '2026-03-06T14:00:00.000Z', outcome: 'missed', messageId: null }, 'more than an hour late')
  t.match(await read(id), { nextOccurrenceAt: '2026-03-07T14:00:00.000Z' })
})

void t.test('one that cannot be made says why, stops no other, and goes on at its next time', async (t) => {
  const { api, create, run, read, turn, past, app, organization } = await open(t, '2026-03-06T12:00:00Z')
  const tag = (await api<{ id: string }>('POST', '/tags', { name: 'choir' })).body.id
  const [bad, good] = [(await create({ to: { tags: ['choir'] } })).body.id, (await create({ name: 'Other' })).body.id]
  await api('DELETE', `/tags/${tag}`)
  turn('2026-03-06T14:00:00Z')
  for (const id of [bad, good]) await run(id)
  t.match(await past(bad), [{ outcome: 'failed', messageId: null, errorCode: 'TAG_NOT_FOUND' }])
  t.match(await read(bad), { status: 'active', lastError: 'TAG_NOT_FOUND', lastErrorAt: '2026-03-06T14:00:00.000Z', nextOccurrenceAt: '2026-03-07T14:00:00.000Z' })
  t.match(await past(good), [{ outcome: 'sent' }])
  await api('POST', '/tags', { name: 'choir' })
  turn('2026-03-07T14:00:00Z')
  await run(bad)
  t.match([(await read(bad)).lastError, (await past(bad))[0]?.outcome], [null, 'sent'])
  await app.services.tenancy.withTenant(organization.tenantId, async (db) => { await db.updateTable('phone_numbers').set({ status: 'disconnected' }).execute() })
  turn('2026-03-08T13:00:00Z')
  await run(good)
  t.match((await past(good))[0], { outcome: 'failed', errorCode: 'NO_SENDING_NUMBER' })
})

void t.test('one date can be left out and taken back, and COUNT comes to its end', async (t) => {
  const { api, create, run, turn, past, read } = await open(t, '2026-03-06T12:00:00Z')
  const { id } = (await create({ rule: 'FREQ=DAILY;COUNT=3' })).body
  const skip = async (date: string, verb = 'skip') => await api<RecurringWithNext>('POST', `/recurring-messages/${id}/${verb}`, { date })
  t.match((await skip('2026-03-06')).body, { nextOccurrenceAt: '2026-03-07T14:00:00.000Z', skippedDates: ['2026-03-06'], nextOccurrences: [{ date: '2026-03-06', skipped: true }, {}, {}] })
  t.match((await skip('2026-03-06', 'restore')).body, { nextOccurrenceAt: '2026-03-06T14:00:00.000Z', skippedDates: [] })
  t.match(await skip('2026-03-20'), { status: 404, code: 'OCCURRENCE_NOT_FOUND' })
  await skip('2026-03-07')
  for (const day of ['06T14:00:00Z', '07T14:00:00Z', '08T13:00:00Z', '09T13:00:00Z']) {
    turn(`2026-03-${day}`)
    await run(id)
  }
  t.match((await past(id)).map(({ at, outcome }) => [at, outcome]), [['2026-03-08T13:00:00.000Z', 'sent'], ['2026-03-06T14:00:00.000Z', 'sent']])
  t.match(await read(id), { status: 'ended', nextOccurrenceAt: null, nextOccurrences: [] })
})

void t.test('paused it lets its occurrences pass; changed it follows the new rule; deleted it keeps what it sent', async (t) => {
  const { api, create, run, turn, past, messages } = await open(t, '2026-03-06T12:00:00Z')
  const { id } = (await create()).body
  const call = async (verb: string) => (await api<RecurringWithNext>('POST', `/recurring-messages/${id}/${verb}`)).body
  t.match(await call('pause'), { status: 'paused' })
  turn('2026-03-06T14:00:00Z')
  await run(id)
  turn('2026-03-06T16:00:00Z')
  t.match(await call('resume'), { status: 'active', nextOccurrenceAt: '2026-03-07T14:00:00.000Z' })
  t.strictSame(await past(id), [])
  const changed = await api<RecurringWithNext>('PATCH', `/recurring-messages/${id}`, { time: '10:00', timeZone: 'America/Chicago', rule: 'FREQ=WEEKLY;BYDAY=SU' })
  t.match(changed.body, { nextOccurrenceAt: '2026-03-08T15:00:00.000Z', text: 'Hello', name: 'Sunday' })
  t.match(await api('PATCH', `/recurring-messages/${id}`, { rule: 'no' }), { code: 'VALIDATION_FAILED' })
  turn('2026-03-08T15:00:00Z')
  await run(id)
  t.equal((await api('DELETE', `/recurring-messages/${id}`)).status, 204)
  await run(id)
  t.equal((await messages()).length, 1)
  t.match(await api('GET', `/recurring-messages/${id}`), { status: 404, code: 'RECURRENCE_NOT_FOUND' })
  t.match((await create({ rule: 'FREQ=DAILY;UNTIL=20260101', startDate: '2025-12-01' })).body, { code: 'VALIDATION_FAILED', errors: [{ path: '/body/rule' }] }, 'nothing to come')
})
