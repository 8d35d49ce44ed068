// The consent on record: what a number's owner said is kept, read back, and outranks whatever anyone else writes, also by SQL.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { startMessage } from '../../../src/features/messages/start-message.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { addMember, inTenant, openGround } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'

interface Page { items: Array<Record<string, unknown>>, nextCursor: string | null }

let ahead = 0
const ground = await openGround(t, {}, { now: () => new Date(Date.now() + ahead) })
const church = await ground.newOrganization('Grace Chapel')
const api = apiOf(ground.app, church)
const fields = fieldCrypto(ground.services.keyring, church.tenantId)
let nextPhone = 1000
const newPhone = (): string => `+1615556${nextPhone++}`
const optInState = async (id: string) => (await api('GET', `/members/${id}`)).body['optInState']
const write = async (use: (db: TenantDb) => Promise<unknown>) => await inTenant(ground, church, use)

async function say (from: string, text: string): Promise<string> {
  const messageId = randomUUID()
  await post(ground.app, { body: inboundBody({ from, to: church.number, text, messageId }) })
  await ground.process()
  return messageId
}

/** The constraint that stood in the way; undefined when nothing did. */
async function refusal (work: Promise<unknown>): Promise<unknown> {
  return await work.then(() => undefined, (error: unknown) => error instanceof Error && 'constraint' in error ? error.constraint : error)
}

async function grant (phone: string, evidence: object, source: 'keyword' | 'form' = 'keyword', topic = 'messages'): Promise<void> {
  await write((db) => db.insertInto('consent_logs').values({ phone_hash: fields.blindIndex(phone), action: 'granted', source, topic, evidence: JSON.stringify(evidence) }).execute())
}

await t.test('no SQL makes someone opted in who has opted out', async (t) => {
  const phone = newPhone()
  const id = await addMember(ground, church, phone)
  await say(phone, 'STOP')
  const optedOut = 'members_opted_out'
  t.equal(await refusal(write((db) => db.updateTable('members').set({ opt_in_state: 'opted_in' }).where('id', '=', id).execute())), optedOut)
  t.equal(await refusal(write((db) => sql`UPDATE members SET opt_in_state = 'opted_in'`.execute(db))), optedOut, 'nor all at once')
  const other = await addMember(ground, church, newPhone())
  await api('DELETE', `/members/${id}`)
  t.equal(await refusal(addMember(ground, church, phone)), optedOut, 'nor as a new member')
  t.equal(await refusal(write((db) => db.updateTable('members').set({ phone_hash: fields.blindIndex(phone) }).where('id', '=', other).execute())), optedOut, 'nor by a new number')
  await addMember(ground, church, phone, 'pending')
})

await t.test('after an opt-out only a START of that number, and each START once, can be put on record as a grant', async (t) => {
  const phone = newPhone()
  const neighbour = newPhone()
  const id = await addMember(ground, church, phone)
  const hello = await say(phone, 'Hello')
  const start = await say(phone, 'START')
  await say(phone, 'STOP')
  const others = await say(neighbour, 'START')
  const ownWord = 'consent_logs_own_word'
  for (const [evidence, why] of [
    [{}, 'no text'], [{ providerMessageId: randomUUID() }, 'a text that never came'], [{ providerMessageId: hello }, 'another text'], [{ providerMessageId: others }, 'another number\'s']
  ] as const) t.equal(await refusal(grant(phone, evidence)), ownWord, why)
  t.equal(await refusal(grant(phone, { providerMessageId: start }, 'form')), ownWord, 'not by keyword')
  t.equal(await refusal(grant(phone, { providerMessageId: start }, 'keyword', 'prayer-requests')), ownWord, 'another topic')
  t.equal(await refusal(grant(phone, { providerMessageId: start })), 'consent_logs_text', 'a START before the STOP')
  t.equal(await optInState(id), 'opted_out')
  await say(phone, 'START')
  t.equal(await optInState(id), 'opted_in')
})

await t.test('a withdrawal that anything puts on record opts its member out', async (t) => {
  const phone = newPhone()
  const id = await addMember(ground, church, phone)
  await write((db) => db.insertInto('consent_logs').values({ phone_hash: fields.blindIndex(phone), action: 'withdrawn', source: 'import', topic: 'prayer-requests', evidence: '{}' }).execute())
  t.equal(await optInState(id), 'opted_in', 'one topic is not all')
  await write((db) => db.insertInto('consent_logs').values({ phone_hash: fields.blindIndex(phone), action: 'denied', source: 'import', evidence: '{}' }).execute())
  t.equal(await optInState(id), 'opted_out')
})

await t.test('the history of a member: the latest first, with what their number said before and what they said under another', async (t) => {
  const phone = newPhone()
  await say(phone, 'START')
  const { body: { id } } = await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone, optIn: { source: 'form', note: 'Card' } })
  const second = newPhone()
  await api('PATCH', `/members/${id}`, { phone: second })
  await say(second, 'stop')
  await say(newPhone(), 'STOP')
  const all = (await api<Page>('GET', `/members/${id}/consent`)).body
  t.match(all, {
    items: [
      { topic: 'messages', action: 'withdrawn', source: 'keyword', evidence: { words: 'stop', providerMessageId: /./, receivedAt: /Z$/ }, currentNumber: true },
      { action: 'granted', source: 'form', evidence: { note: 'Card', adminId: church.admin.id }, currentNumber: false }
    ],
    nextCursor: null
  })
  t.equal(all.items.length, 2, 'what the first number said before was not this member\'s')
  await api('PATCH', `/members/${id}`, { phone })
  const first = (await api<Page>('GET', `/members/${id}/consent?limit=2`)).body
  const rest = (await api<Page>('GET', `/members/${id}/consent?limit=2&cursor=${first.nextCursor ?? ''}`)).body
  t.same([...first.items, ...rest.items].map((one) => [one['action'], one['source'], one['currentNumber']]),
    [['withdrawn', 'keyword', false], ['granted', 'form', true], ['granted', 'keyword', true]])
  t.equal(rest.nextCursor, null)
  t.equal((await api('GET', `/members/${randomUUID()}/consent?cursor=${first.nextCursor ?? ''}`)).code, 'CURSOR_INVALID', 'a cursor is its member\'s own')
  t.notMatch(JSON.stringify(all), phone)
})

await t.test('a topic is granted and withdrawn for itself; an opt-out closes all of them', async (t) => {
  const id = await addMember(ground, church, newPhone())
  const record = async (body: object) => await api('POST', `/members/${id}/consent`, body)
  for (const action of ['withdrawn', 'granted']) {
    t.match(await record({ topic: 'prayer-requests', action, source: 'admin', note: 'Said so' }), { status: 201, body: { topic: 'prayer-requests', action, source: 'admin', evidence: { note: 'Said so', adminId: church.admin.id }, currentNumber: true } })
    t.equal(await optInState(id), 'opted_in')
  }
  t.match(await record({ action: 'withdrawn', source: 'form' }), { status: 201, body: { topic: 'messages', action: 'withdrawn' } })
  t.equal(await optInState(id), 'opted_out')
  for (const topic of ['messages', 'prayer-requests']) t.equal((await record({ topic, action: 'granted', source: 'form' })).code, 'MEMBER_OPTED_OUT', topic)
  t.equal((await record({ topic: 'prayer-requests', action: 'withdrawn', source: 'form' })).status, 201)
  for (const body of [{ action: 'granted', source: 'keyword' }, { action: 'denied', source: 'form' }, { topic: 'No Topic', action: 'granted', source: 'form' }]) t.equal((await record(body)).code, 'VALIDATION_FAILED')
  const pending = await addMember(ground, church, newPhone(), 'pending')
  t.equal((await api('POST', `/members/${pending}/consent`, { action: 'granted', source: 'form' })).status, 201)
  t.equal(await optInState(pending), 'opted_in')
})

await t.test('who texts STOP while a message waits for its time is not in it', async (t) => {
  const { body: { id: tag } } = await api<{ id: string }>('POST', '/tags', { name: 'late' })
  t.type(tag, 'string')
  const [staying, leaving] = [newPhone(), newPhone()]
  for (const phone of [staying, leaving]) await api('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone, tags: ['late'], optIn: { source: 'form' } })
  const { body: { id } } = await api<{ id: string }>('POST', '/messages', { text: 'Later', to: { tags: ['late'] }, sendAt: new Date(Date.now() + 60_000) })
  await say(leaving, 'Stop')
  ahead = 60_000
  await ground.services.tenancy.withTenant(church.tenantId, async (db, tenant) => await startMessage(ground.services, db, tenant, id))
  const { items } = (await api<Page>('GET', `/messages/${id}/recipients`)).body
  t.same(items.map((one) => one['phone']), [staying])
})
