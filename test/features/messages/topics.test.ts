// Messages of a topic go to those who have consented to it and to nobody else, whenever that is decided.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { addConsent } from '../../../src/features/members/members-consent.js'
import { takeTexts } from '../../../src/features/messages/claim-queries.js'
import { cancelQueuedFor } from '../../../src/features/messages/cancel-queued.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { startIn, startMessage } from '../../../src/features/messages/start-message.js'
import { type MessagePreview } from '../../../src/features/messages/preview-schema.js'
import { type MessageWithAudience, type Recipient } from '../../../src/features/messages/schemas.js'
import { runRecurring } from '../../../src/features/recurring/run-occurrence.js'
import { type RecurringWithNext } from '../../../src/features/recurring/schemas.js'
import { type OutgoingText, type SendOutcome } from '../../../src/providers/carrier.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { type Organization, inTenant, openGround } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'

const topic = 'prayer-requests'
type Word = 'granted' | 'withdrawn'

let ahead = 0
const ground = await openGround(t, {}, { now: () => new Date(Date.now() + ahead) })
let nextPhone = 1000

interface Person { id: string, phone: string }

async function open (name: string) {
  const church: Organization = await ground.newOrganization(name)
  const api = apiOf(ground.app, church)
  const word = async ({ id }: Person, action: Word, of = topic) => await api('POST', `/members/${id}/consent`, { topic: of, action, source: 'form' })
  const add = async (words: readonly Word[] = [], optIn = true): Promise<Person> => {
    const phone = `+1615556${nextPhone++}`
    const { id } = (await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone, ...(optIn ? { optIn: { source: 'form' } } : {}) })).body
    for (const action of words) await word({ id, phone }, action)
    return { id, phone }
  }
  const say = async ({ phone }: Person, text: string): Promise<void> => {
    await post(ground.app, { body: inboundBody({ from: phone, to: church.number, text, messageId: randomUUID() }) })
    await ground.process()
  }
  const send = async (body: object) => await api<MessageWithAudience>('POST', '/messages', { text: 'Please pray', topic, ...body })
  const outcomes = async (messageId: string): Promise<Record<string, string>> => {
    const { items } = (await api<{ items: Recipient[] }>('GET', `/messages/${messageId}/recipients?limit=200`)).body
    return Object.fromEntries(items.map(({ phone, status, errorCode }) => [phone, errorCode === null ? status : `${status}: ${errorCode}`]))
  }
  const within = async <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => await inTenant(ground, church, use)
  /** Hands over all that is due. @returns the numbers the carrier got */
  const work = async (): Promise<string[]> => {
    const sent: string[] = []
    const carry = async ({ to, text }: OutgoingText): Promise<SendOutcome> => {
      if (text.includes('pray')) sent.push(to)
      return { kind: 'accepted', providerMessageId: randomUUID() }
    }
    await dispatch({ ...ground.services, carrier: { ...ground.services.carrier, send: carry } }, church.tenantId, new AbortController().signal)
    return sent.sort()
  }
  const start = async (id: string) => await ground.services.tenancy.withTenant(church.tenantId, async (db, tenant) => await startMessage(ground.services, db, tenant, id))
  return { church, api, start, word, add, say, send, outcomes, within, work }
}

await t.test('it goes to those who have consented to its topic; those named otherwise are suppressed, with a code that says why', async (t) => {
  const { add, word, say, send, outcomes, api, work } = await open('Grace Chapel')
  const [granted, never, withdrawn, again, unasked] = [await add(['granted']), await add(), await add(['granted', 'withdrawn']), await add(['withdrawn', 'granted']), await add(['granted'], false)]
  const stopped = await add(['granted'])
  await say(stopped, 'STOP')
  const people = [granted, never, withdrawn, again, unasked, stopped]
  const named = await send({ to: { memberIds: people.map(({ id }) => id) } })
  t.match(named, { status: 202, body: { topic, audienceSize: null, counts: { queued: 2, suppressed: 4 } } })
  t.same(await outcomes(named.body.id), {
    [granted.phone]: 'queued',
    [again.phone]: 'queued',
    [never.phone]: 'suppressed: topic_not_opted_in',
    [withdrawn.phone]: 'suppressed: topic_opted_out',
    [unasked.phone]: 'suppressed: not_opted_in',
    [stopped.phone]: 'suppressed: opted_out'
  })
  const all = await send({ to: { all: true }, text: 'Hi {{firstName}}, please pray' })
  t.same(Object.keys(await outcomes(all.body.id)).sort(), [granted.phone, again.phone].sort(), 'a group is those of it who have consented, variables or none')
  t.same(await work(), [granted.phone, again.phone, granted.phone, again.phone].sort())
  const general = await send({ to: { all: true }, topic: undefined })
  t.match(general.body, { topic: 'messages', counts: { queued: 4 } }, 'who withdrew a topic still gets texts in general')
  t.match(await api('GET', `/messages/${general.body.id}`), { body: { topic: 'messages' } })
  t.equal((await send({ to: { memberIds: [never.id] } })).body.counts.suppressed, 1)
  await word(granted, 'withdrawn')
  await word(again, 'withdrawn')
  t.match(await send({ to: { all: true } }), { status: 409, code: 'AUDIENCE_EMPTY' })
})

await t.test('STOP closes every topic, and START opens texts in general alone', async (t) => {
  const { add, word, say, send, outcomes } = await open('Bethel')
  const person = await add(['granted'])
  const to = { memberIds: [person.id] }
  const outcome = async () => (await outcomes((await send({ to })).body.id))[person.phone]
  await say(person, 'STOP')
  t.equal(await outcome(), 'suppressed: opted_out')
  await say(person, 'START')
  t.equal(await outcome(), 'suppressed: topic_not_opted_in')
  await word(person, 'granted')
  t.equal(await outcome(), 'queued')
})

await t.test('what was put on record for a member is not their number\'s next owner\'s', async (t) => {
  const { add, send, outcomes, api, word } = await open('Shiloh')
  const { id, phone } = await add(['granted'])
  await api('DELETE', `/members/${id}`)
  const next = { phone, id: (await api<{ id: string }>('POST', '/members', { firstName: 'Ruth', lastName: 'M', phone, optIn: { source: 'form' } })).body.id }
  const outcome = async () => (await outcomes((await send({ to: { memberIds: [next.id] } })).body.id))[phone]
  t.equal(await outcome(), 'suppressed: topic_not_opted_in')
  await word(next, 'granted')
  t.equal(await outcome(), 'queued')
})

await t.test('a topic that nobody\'s consent names is refused, also by the database; those there are can be listed', async (t) => {
  const { add, send, api, within } = await open('Salem')
  await add(['granted'])
  for (const path of ['/messages', '/messages/preview']) {
    t.match(await api('POST', path, { text: 'x', to: { all: true }, topic: 'prayer-request' }), { status: 404, code: 'TOPIC_NOT_FOUND', body: { errors: [{ path: '/body/topic', message: 'prayer-request does not exist' }] } }, path)
  }
  t.match(await api('POST', '/recurring-messages', { name: 'x', rule: 'FREQ=DAILY', time: '09:00', text: 'x', to: { all: true }, topic: 'none' }), { status: 404, code: 'TOPIC_NOT_FOUND' })
  t.match(await send({ to: { all: true }, topic: 'No Topic' }), { status: 400, code: 'VALIDATION_FAILED' })
  await t.rejects(within((db) => db.insertInto('messages').values({ kind: 'broadcast', text: 'x', from_number: 'x', topic: 'none' }).execute()), /messages_topic_fkey/)
  await t.rejects(within((db) => db.insertInto('messages').values({ kind: 'reply', text: 'x', from_number: 'x', topic }).execute()), /messages_topic_kind/)
  const first = await api<{ nextCursor: string }>('GET', '/topics?limit=1')
  t.match(first.body, { items: [{ name: 'messages', createdAt: /Z$/ }] })
  t.match((await api('GET', `/topics?limit=1&cursor=${first.body.nextCursor}`)).body, { items: [{ name: topic }], nextCursor: null })
  t.equal((await api('GET', '/topics?cursor=x')).code, 'CURSOR_INVALID')
})

await t.test('a preview tells who is left out for the topic\'s sake', async (t) => {
  const { add, api } = await open('Hebron')
  const people = [await add(['granted']), await add(), await add(['withdrawn']), await add(['granted'], false)]
  const { body } = await api<MessagePreview>('POST', '/messages/preview', { text: 'Please pray', to: { all: true }, topic })
  t.match(body, { recipients: 1, totalParts: 1, deferred: 0, sample: [{ memberId: people[0]?.id }] })
  t.same(body.leftOut.map(({ reason, count, sample }) => [reason, count, sample[0]?.memberId]).sort(),
    [['not_opted_in', 1, people[3]?.id], ['topic_not_opted_in', 1, people[1]?.id], ['topic_opted_out', 1, people[2]?.id]])
})

await t.test('who withdraws the topic loses what waits of it, at once, and nothing else', async (t) => {
  const { add, word, send, outcomes, work, start } = await open('Gilead')
  const [leaving, staying] = [await add(['granted']), await add(['granted'])]
  for (const person of [leaving, staying]) await word(person, 'granted', 'choir')
  const ids: string[] = []
  for (const of of [topic, 'choir', 'messages']) ids.push((await send({ to: { all: true }, topic: of })).body.id)
  const later = await send({ to: { all: true }, sendAt: new Date(Date.now() + 60_000) })
  t.match(later.body, { topic, audienceSize: 2 })
  await word(leaving, 'withdrawn')
  t.same(await Promise.all(ids.map(async (id) => (await outcomes(id))[leaving.phone])), ['cancelled: topic_opted_out', 'queued', 'queued'])
  t.same(await work(), [leaving.phone, leaving.phone, staying.phone, staying.phone, staying.phone].sort())
  ahead = 60_000
  await start(later.body.id)
  t.same(await outcomes(later.body.id), { [staying.phone]: 'queued' }, 'what waits for its time asks then')
  ahead = 0
})

await t.test('an opt-out and the claim of the same text: whoever comes first decides, and the other one knows', async (t) => {
  const { add, send, outcomes, within, church } = await open('Mizpah')
  const [first, second] = [await add(['granted']), await add(['granted'])]
  const { body: { id: messageId } } = await send({ to: { all: true } })
  const withdraw = async (trx: TenantDb, { id }: Person) => await addConsent(trx, id, { topic, action: 'withdrawn', source: 'form' }, { adminId: church.admin.id, ip: '::1', requestId: 'x' })
  const take = async (db: TenantDb) => await takeTexts(db, randomUUID(), [{ messageId, texts: 10 }])
  const fields = fieldCrypto(ground.services.keyring, church.tenantId)
  await within(async (db) => {
    await db.transaction().execute(async (trx) => {
      await cancelQueuedFor(trx, fields.blindIndex(first.phone), topic)
      t.same((await within(take)).map(({ phoneCipher }) => fields.decrypt(phoneCipher)), [second.phone], 'an opt-out that has not ended yet holds the text')
    })
  })
  await within(async (db) => { await withdraw(db, second) })
  t.same(await outcomes(messageId), { [first.phone]: 'cancelled: topic_opted_out', [second.phone]: 'sending' }, 'what a worker has goes out')
})

await t.test('an opt-out while a message starts waits for the start, and takes out what that has queued', async (t) => {
  const { add, word, send, outcomes, church, work } = await open('Tirzah')
  const [leaving, staying] = [await add(['granted']), await add(['granted'])]
  const { body: { id } } = await send({ to: { all: true }, sendAt: new Date(Date.now() + 60_000) })
  ahead = 60_000
  const withdrawn = await ground.services.tenancy.withTenant(church.tenantId, async (db, tenant) => await db.transaction().execute(async (trx) => {
    t.match(await startIn(ground.services, trx, tenant, id, ground.services.clock.now()), { chosen: 2, queued: 2 })
    // In a list, or the transaction would wait for it, and it for the transaction.
    return [word(leaving, 'withdrawn')]
  }))
  t.equal((await withdrawn[0])?.status, 201)
  t.same(await work(), [staying.phone])
  t.same(await outcomes(id), { [leaving.phone]: 'cancelled: topic_opted_out', [staying.phone]: 'sent' })
  ahead = 0
})

await t.test('whatever puts a withdrawal on record, a text that waits is not taken after it', async (t) => {
  const { add, send, outcomes, church, work, within } = await open('Hormah')
  const [leaving, staying] = [await add(['granted']), await add(['granted'])]
  const { body: { id } } = await send({ to: { all: true } })
  const phoneHash = fieldCrypto(ground.services.keyring, church.tenantId).blindIndex(leaving.phone)
  await within((db) => db.insertInto('consent_logs').values({ phone_hash: phoneHash, action: 'denied', source: 'import', topic, evidence: '{}' }).execute())
  t.same(await work(), [staying.phone])
  t.same(await outcomes(id), { [leaving.phone]: 'suppressed: topic_opted_out', [staying.phone]: 'sent' })
})

await t.test('many opt-outs while workers take texts: nobody is texted whose word came before the claim, and nothing is left over', async (t) => {
  const { add, word, send, outcomes, work, within } = await open('Zarephath')
  const people: Person[] = []
  for (let count = 0; count < 60; count++) people.push(await add(['granted']))
  const ids = await Promise.all(Array.from({ length: 3 }, async () => (await send({ to: { all: true } })).body.id))
  const early = people.slice(0, 20)
  for (const person of early) await word(person, 'withdrawn')
  const leaving = Promise.all(people.slice(20, 40).map(async (person) => await word(person, 'withdrawn')))
  const sent = [await Promise.all([work(), work()]), await work()].flat(2)
  await leaving
  sent.push(...await work())
  t.same(early.filter(({ phone }) => sent.includes(phone)), [])
  for (const { phone } of people.slice(40)) t.equal(sent.filter((one) => one === phone).length, 3)
  const all = await Promise.all(ids.map(outcomes))
  for (const { phone } of people) {
    const states = all.map((of) => of[phone])
    t.equal(states.filter((state) => state === 'sent').length, sent.filter((one) => one === phone).length, phone)
    t.same(states.filter((state) => !['sent', 'cancelled: topic_opted_out', 'suppressed: topic_opted_out'].includes(state ?? '')), [])
  }
  t.same(await within((db) => db.selectFrom('message_queue').select('message_id').execute()), [])
})

await t.test('trying again and sending once more ask for the topic\'s consent too, and keep the topic', async (t) => {
  const { add, word, send, within, api } = await open('Ephratah')
  const [leaving, staying] = [await add(['granted']), await add(['granted'])]
  const { body: { id } } = await send({ to: { all: true } })
  await within(async (db) => {
    await db.deleteFrom('message_queue').execute()
    await db.updateTable('message_recipients').set({ status: 'failed', error_code: '40002' }).execute()
  })
  await word(leaving, 'withdrawn')
  const again = await api<MessageWithAudience>('POST', `/messages/${id}/retry-failed`, { reasons: 'any' })
  t.match(again, { status: 202, body: { topic, counts: { queued: 1 } } })
  const letters = await within(async (db) => {
    await db.updateTable('message_recipients').set({ status: 'unknown', retried_in: null }).where('message_id', '=', id).execute()
    await sql`INSERT INTO dead_letter_queue (category, status, message_id, phone_hash, error) SELECT 'sms_send', 'pending', message_id, phone_hash, 'timeout' FROM message_recipients WHERE status = 'unknown'`.execute(db)
    return await db.selectFrom('dead_letter_queue as d').innerJoin('message_recipients as r', (join) => join.onRef('r.message_id', '=', 'd.message_id').onRef('r.phone_hash', '=', 'd.phone_hash')).select(['d.id', 'r.member_id']).execute()
  })
  const resend = async ({ id: memberId }: Person) => await api<{ resentMessageId: string }>('POST', `/dead-letters/${letters.find((one) => one.member_id === memberId)?.id ?? ''}/resend`)
  t.match(await resend(leaving), { status: 409, code: 'MEMBER_OPTED_OUT', body: { detail: /topic prayer-requests/ } })
  const { body: { resentMessageId } } = await resend(staying)
  t.match((await api('GET', `/messages/${resentMessageId}`)).body, { topic, kind: 'broadcast' })
})

await t.test('each occurrence of a recurring message is of its topic', async (t) => {
  const { add, word, outcomes, api, church, start } = await open('Carmel')
  const [granted, never] = [await add(['granted']), await add()]
  const rule = await api<RecurringWithNext>('POST', '/recurring-messages', { name: 'Prayer', rule: 'FREQ=DAILY', time: '09:00', timeZone: 'UTC', text: 'Pray', to: { memberIds: [granted.id, never.id] }, topic })
  t.match(rule, { status: 201, body: { topic } })
  const { id, nextOccurrences: [soon] } = rule.body
  ahead = new Date(soon?.at ?? '').getTime() - Date.now()
  await runRecurring(ground.services, church.tenantId, id)
  const [made] = (await api<{ items: Array<{ messageId: string }> }>('GET', `/recurring-messages/${id}/occurrences`)).body.items
  await start(made?.messageId ?? '')
  t.same(await outcomes(made?.messageId ?? ''), { [granted.phone]: 'queued', [never.phone]: 'suppressed: topic_not_opted_in' })
  t.match((await api('PATCH', `/recurring-messages/${id}`, { topic: 'none' })).code, 'TOPIC_NOT_FOUND')
  await word(never, 'granted', 'choir')
  t.match(await api('PATCH', `/recurring-messages/${id}`, { topic: 'choir' }), { status: 200, body: { topic: 'choir' } })
  ahead = 0
})
