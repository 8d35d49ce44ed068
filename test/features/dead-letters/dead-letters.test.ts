// What needs a person: texts of unknown fate, and what is decided about them.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { collect } from '../../../src/features/dead-letters/jobs.js'
import { type DeadLetter, type DeadLetterDetail } from '../../../src/features/dead-letters/schemas.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { recordDeliveryEvents } from '../../../src/features/messages/record-delivery-events.js'
import { type Message } from '../../../src/features/messages/schemas.js'
import { type SendOutcome } from '../../../src/providers/carrier.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

async function open (t: Parameters<typeof buildTestApp>[0], members = 3) {
  const app = await buildTestApp(t, { carrier: true })
  const organization = await app.signUp()
  await app.addNumber(organization)
  const { tenantId } = organization
  const api = apiOf(app.app, organization)
  const inTenant = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => app.services.tenancy.withTenant(tenantId, use)
  await inTenant((db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, members))
  const { id: messageId } = (await api<Message>('POST', '/messages', { text: 'Hello', to: { all: true } })).body
  const send = async (): Promise<SendOutcome> => ({ kind: 'unknown', reason: 'timeout' })
  await dispatch({ ...app.services, carrier: { ...app.services.carrier, send } }, tenantId, new AbortController().signal)
  const letters = async (query = '') => (await api<{ items: DeadLetter[] }>('GET', `/dead-letters${query}`)).body.items
  const dayLater = async () => {
    await inTenant((db) => sql`UPDATE dead_letter_queue SET created_at = created_at - interval '24 hours' WHERE status = 'watched'`.execute(db))
    await collect(app.services, tenantId)
  }
  const report = async (index: number) => await inTenant(async (db) => {
    const rows = await db.selectFrom('message_recipients').select('phone_hash').where('message_id', '=', messageId).orderBy('phone_hash').execute()
    await recordDeliveryEvents(db, [{ messageId, phoneHash: rows[index]!.phone_hash, status: 'delivered', occurredAt: new Date(), providerMessageId: null }])
  })
  return { app, api, tenantId, inTenant, messageId, letters, dayLater, report }
}

void t.test('a text that stays unknown for a day waits for a person; one that is reported before never does', async (t) => {
  const ground = await open(t)
  const { rows: jobs } = await sql<{ hours: number }>`
    SELECT extract(epoch FROM run_at - now())::float8 / 3600 AS hours FROM graphile_worker.jobs WHERE key = ${`dead-letters:${ground.tenantId}`}`.execute(ground.app.services.registry)
  t.equal(jobs.length, 1)
  t.ok(Math.abs(jobs[0]!.hours - 24) < 0.1, 'the look at them is planned')
  await collect(ground.app.services, ground.tenantId)
  t.same(await ground.letters(), [])
  await ground.report(0)
  await ground.dayLater()
  t.match(await ground.letters(), [1, 2].map(() => ({ category: 'sms_send', status: 'pending', error: 'timeout', messageId: ground.messageId, textStatus: 'unknown', phone: /^\+1615/, outcome: null })))
  t.equal((await ground.letters()).length, 2)
  t.same(await ground.letters('?category=webhook_inbound'), [])

  await ground.report(1)
  await ground.report(1)
  t.match(await ground.letters('?status=resolved'), [{ outcome: 'settled', textStatus: 'delivered', resolvedBy: null }], 'the carrier\'s late word closes it')
  t.equal((await ground.letters('?status=pending')).length, 1)
})

void t.test('a person says how a text ended, and the text is settled by it', async (t) => {
  const ground = await open(t)
  await ground.dayLater()
  const [first, second, third] = await ground.letters()
  const resolve = async (id: string, body: object) => await ground.api<DeadLetterDetail>('POST', `/dead-letters/${id}/resolve`, body)
  t.match(await resolve(first!.id, { outcome: 'delivered', note: 'She has it.' }), { status: 200, body: { status: 'resolved', outcome: 'delivered', note: 'She has it.', textStatus: 'delivered', resolvedBy: String } })
  t.match(await resolve(second!.id, { outcome: 'failed' }), { body: { textStatus: 'failed' } })
  t.match(await resolve(third!.id, { outcome: 'dismissed' }), { body: { status: 'dead', textStatus: 'unknown' } })
  t.match(await resolve(third!.id, { outcome: 'failed' }), { status: 409, code: 'DEAD_LETTER_CLOSED' })
  t.match(await ground.api('GET', `/messages/${ground.messageId}`), { body: { counts: { delivered: 1, failed: 1, unknown: 1 } } }, 'a refused decision changes nothing')
  t.match(await resolve(randomUUID(), { outcome: 'failed' }), { status: 404, code: 'DEAD_LETTER_NOT_FOUND' })
})

void t.test('a text is sent once more on a person\'s word, once, however many ask at a time', async (t) => {
  const ground = await open(t, 1)
  await ground.dayLater()
  const [letter] = await ground.letters()
  await ground.app.startWorker()
  const answers = await Promise.all(Array.from({ length: 6 }, () => ground.api<DeadLetterDetail>('POST', `/dead-letters/${letter!.id}/resend`)))
  t.same(answers.map(({ status }) => status).sort(), [202, 409, 409, 409, 409, 409])
  const { body } = answers.find(({ status }) => status === 202)!
  t.match(body, { status: 'resolved', outcome: 'resent', textStatus: 'unknown', resentMessageId: String })
  await until(async () => (await ground.api<Message>('GET', `/messages/${body.resentMessageId!}`)).body.counts['delivered'] === 1)
  t.match(await (await fetch(`${ground.app.carrier!.url}/sandbox/counts`)).json(), { accepted: 1 })
  await ground.report(0)
  t.match(await ground.letters(), [{ outcome: 'resent', textStatus: 'delivered' }], 'the first one arrived after all: known, too')
})

void t.test('nothing is sent again to who opted out meanwhile, or when the carrier has reported', async (t) => {
  const ground = await open(t, 2)
  await ground.dayLater()
  const letters = await ground.letters()
  await ground.report(0)
  const waiting = (await ground.letters('?status=pending'))[0]!
  const settled = letters.find(({ id }) => id !== waiting.id)!
  t.match(await ground.api('POST', `/dead-letters/${settled.id}/resend`), { status: 409, code: 'DEAD_LETTER_CLOSED' })
  await ground.api('PATCH', `/members/${waiting.memberId!}`, { optOut: {} })
  t.match(await ground.api('POST', `/dead-letters/${waiting.id}/resend`), { status: 409, code: 'MEMBER_OPTED_OUT' })
  t.match(await ground.letters('?status=pending'), [{ id: waiting.id }], 'it still waits for a decision')
})
