// The inbox as several admins share it: found, assigned, put off, noted, reacted to, and changed many at once.
import { randomInt } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { type Static } from 'typebox'
import { type Conversation, type ConversationMessage } from '../../../src/features/conversations/schemas.js'
import { addMember, inTenant, openGround, type Organization } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'
import { apiOf } from '../../helpers/api.js'
import { listenEvents } from '../../helpers/listen-events.js'
import { until } from '../../helpers/until.js'

type Talk = Static<typeof Conversation>
type Text = Static<typeof ConversationMessage>
interface Page<Item> { items: Item[] }

const ground = await openGround(t)
const church = await ground.newOrganization('Grace Chapel')
const api = apiOf(ground.app, church)
await addMember(ground, church, '+16155552001')

async function say (from: string, text: string, receivedAt = new Date().toISOString(), messageId?: string): Promise<void> {
  await post(ground.app, { body: inboundBody({ from, to: church.number, text, receivedAt, ...(messageId === undefined ? {} : { messageId }) }) })
  await ground.process()
}

const list = async (query = '') => (await api<Page<Talk>>('GET', `/conversations${query}`)).body.items
const talkOf = async (phone: string): Promise<Talk> => {
  const [talk] = await list(`?status=open&search=${encodeURIComponent(phone)}`)
  if (talk === undefined) throw new Error(`no open conversation with ${phone}`)
  return talk
}
const textsOf = async (id: string) => (await api<Page<Text>>('GET', `/conversations/${id}/messages`)).body.items

await t.test('a conversation is found by name, by the whole number in any spelling, and by words of a text or a note', async (t) => {
  await say('+16155552001', 'Is there parking behind the building?')
  await say('+16155552002', '100%_sure about Building plans')
  const [ada, other] = [(await talkOf('+16155552001')).id, (await talkOf('+16155552002')).id]
  t.match(await api('POST', `/conversations/${other}/notes`, { text: 'Asked for Pastor Lindqvist' }), { status: 201, body: { kind: 'note', direction: 'internal', status: 'internal', sentBy: church.admin.id, messageId: null } })
  const found = async (words: string) => (await list(`?search=${encodeURIComponent(words)}`)).map(({ id }) => id)
  t.same(await found('okaf ada'), [ada])
  t.same(await found('(615) 555-2002'), [other])
  t.same(await found('5552002'), [], 'a part of a number finds nothing: only its hash is kept in the open')
  t.same(await found('BUILDING parking'), [ada], 'all words, in one text, whatever the case')
  t.same((await found('building')).toSorted(), [ada, other].toSorted())
  t.same(await found('lindqvist'), [other])
  t.same(await found('0%_s'), [other], 'no letter stands for others')
  t.same(await found('0_s'), [])
  const plan = await inTenant(ground, church, async (db) => {
    await sql`SET enable_seqscan = off`.execute(db)
    const { rows } = await sql<{ 'QUERY PLAN': string }>`EXPLAIN SELECT conversation_id FROM conversation_messages WHERE text ILIKE '%parking%'`.execute(db)
    await sql`RESET enable_seqscan`.execute(db)
    return rows.map((row) => row['QUERY PLAN']).join(' ')
  })
  t.match(plan, /conversation_messages_words/)
})

await t.test('a note is listed among the texts, changes nothing else, and is sent to nobody', async (t) => {
  const before = await talkOf('+16155552001')
  await api('POST', `/conversations/${before.id}/notes`, { text: 'Visit her on Monday' })
  t.match(await textsOf(before.id), [{ kind: 'note', text: 'Visit her on Monday' }, { kind: 'message' }])
  t.same(await talkOf('+16155552001'), before)
  t.equal((await inTenant(ground, church, (db) => db.selectFrom('messages').select('id').execute())).length, 0)
  t.equal((await api('POST', `/conversations/${before.id}/notes`, { text: '  ' })).code, 'VALIDATION_FAILED')
})

await t.test('a conversation is assigned to an admin of the organization, and found by that', async (t) => {
  const { id } = await talkOf('+16155552001')
  t.match(await api('PATCH', `/conversations/${id}`, { assignedTo: church.admin.id }), { status: 200, body: { assignedTo: church.admin.id } })
  t.same((await list('?assignedTo=me')).map((one) => one.id), [id])
  t.same((await list(`?assignedTo=${church.admin.id}`)).map((one) => one.id), [id])
  t.notOk((await list('?assignedTo=nobody')).some((one) => one.id === id))
  t.equal((await api('PATCH', `/conversations/${id}`, { assignedTo: id })).code, 'ADMIN_NOT_FOUND')
  t.match(await api('PATCH', `/conversations/${id}`, { assignedTo: null }), { body: { assignedTo: null } })
  t.equal((await api('GET', '/conversations?assignedTo=everybody')).code, 'VALIDATION_FAILED')
})

await t.test('what was read can be marked unread', async (t) => {
  const { id } = await talkOf('+16155552001')
  t.match(await api('PATCH', `/conversations/${id}`, { unread: false }), { body: { unreadCount: 0 } })
  t.match(await api('PATCH', `/conversations/${id}`, { unread: true }), { body: { unreadCount: 1 } })
  t.match(await api('PATCH', `/conversations/${id}`, { unread: true }), { body: { unreadCount: 1 } })
})

await t.test('admins react to a message among themselves: once each, and take it back', async (t) => {
  const { id } = await talkOf('+16155552001')
  const [, text] = await textsOf(id)
  const path = `/conversations/${id}/messages/${text?.id ?? ''}/reactions`
  for (const reaction of ['👍', '👍', '🙏']) t.equal((await api('POST', path, { reaction })).status, 200)
  t.same((await textsOf(id))[1]?.reactions, [{ reaction: '👍', adminId: church.admin.id }, { reaction: '🙏', adminId: church.admin.id }])
  t.match(await api('DELETE', path, { reaction: '👍' }), { body: { reactions: [{ reaction: '🙏' }] } })
  t.equal((await api('DELETE', path, { reaction: '👍' })).status, 200)
  const { id: elsewhere } = await talkOf('+16155552002')
  t.equal((await api('POST', `/conversations/${elsewhere}/messages/${text?.id ?? ''}/reactions`, { reaction: '👍' })).code, 'CONVERSATION_MESSAGE_NOT_FOUND')
})

await t.test('a phone\'s reaction is attached to the text it quotes; the last one sent stands, in whatever order they come', async (t) => {
  const phone = '+16155552003'
  const at = (second: number) => `2026-03-01T10:00:0${second}.000Z`
  await say(phone, 'Shall we bring salad?', at(0))
  const { id } = await talkOf(phone)
  await say(phone, 'Removed a like from “Shall we bring salad?”', at(4))
  await say(phone, 'Liked “Shall we bring salad?”', at(2))
  const find = async () => (await textsOf(id)).find(({ text }) => text === 'Shall we bring salad?')
  t.same((await find())?.reactions, [], 'taken back after it was given')
  await say(phone, 'Loved “Shall we bring salad?”', at(6))
  t.same((await find())?.reactions, [{ reaction: '❤️', adminId: null }])
  const [loved] = await textsOf(id)
  t.match(loved, { text: 'Loved “Shall we bring salad?”', reactionTo: (await find())?.id }, 'the text itself stays where it is')
  await say(phone, 'Liked “something nobody wrote”', at(7))
  t.match((await textsOf(id))[0], { reactionTo: null, reactions: [] })
})

await t.test('what is put off comes back at its time, unread, and whoever listens is told', async (t) => {
  const worker = await ground.startWorker()
  const { id } = await talkOf('+16155552001')
  await api('PATCH', `/conversations/${id}`, { unread: false })
  t.equal((await api('PATCH', `/conversations/${id}`, { snoozedUntil: new Date(Date.now() - 1_000).toISOString() })).code, 'VALIDATION_FAILED')
  const snoozedUntil = new Date(Date.now() + 2_500).toISOString()
  t.match(await api('PATCH', `/conversations/${id}`, { snoozedUntil }), { status: 200, body: { snoozedUntil } })
  t.same((await list('?snoozed=true')).map((one) => one.id), [id])
  t.notOk((await list('?snoozed=false')).some((one) => one.id === id))
  const stream = await listenEvents(ground.app, church.headers, '?types=conversation.changed')
  await until(async () => stream.heard.some(({ data }) => data['conversationId'] === id))
  t.match((await api('GET', `/conversations/${id}`)).body, { snoozedUntil: null, unreadCount: 1 })
  t.ok(Date.now() >= Date.parse(snoozedUntil), 'not before')
  stream.close()
  await worker.stop()
})

await t.test('a text of theirs brings it back at once; closing ends the putting off; a closed one can\'t be put off', async (t) => {
  const { id } = await talkOf('+16155552001')
  const snoozedUntil = '2050-01-01T00:00:00.000Z'
  await api('PATCH', `/conversations/${id}`, { snoozedUntil })
  await say('+16155552001', 'Me again')
  t.match((await api('GET', `/conversations/${id}`)).body, { snoozedUntil: null })
  await api('PATCH', `/conversations/${id}`, { snoozedUntil })
  t.match((await api('PATCH', `/conversations/${id}`, { status: 'closed' })).body, { status: 'closed', snoozedUntil: null })
  t.equal((await api('PATCH', `/conversations/${id}`, { snoozedUntil })).code, 'CONVERSATION_NOT_OPEN')
})

await t.test('many are closed, assigned or read at once: by their ids, all or none, or by a filter until none is left', async (t) => {
  const fields = await inTenant(ground, church, async (db) => {
    await sql`INSERT INTO conversations (address_hash, address_cipher, our_number, unread_count, last_message_at, last_message_preview)
      SELECT sha256(n::text::bytea), c.address_cipher, c.our_number, 1, '2020-01-01'::timestamptz + n * interval '1 second', 'old'
      FROM generate_series(1, 620) AS n, (SELECT * FROM conversations LIMIT 1) AS c`.execute(db)
    return await db.selectFrom('conversations').select('id').where('last_message_preview', '=', 'old').orderBy('last_message_at').execute()
  })
  const [first, second] = fields.map(({ id }) => id)
  const bulk = async (body: object) => await api<{ changed: number, more: boolean }>('POST', '/conversations/bulk', body)
  t.match(await bulk({ ids: [first, second], set: { unread: false, assignedTo: church.admin.id } }), { status: 200, body: { changed: 2, more: false } })
  t.match(await bulk({ ids: [first, second], set: { unread: false } }), { body: { changed: 0 } }, 'again changes nothing')
  t.equal((await bulk({ ids: [first, church.admin.id], set: { status: 'closed' } })).code, 'CONVERSATION_NOT_FOUND')
  t.match((await api('GET', `/conversations/${first ?? ''}`)).body, { status: 'open', unreadCount: 0, assignedTo: church.admin.id })
  const old = { filter: { status: 'open', silentSince: '2021-01-01T00:00:00Z' }, set: { status: 'closed' } }
  t.match(await bulk(old), { body: { changed: 500, more: true } })
  t.match(await bulk(old), { body: { changed: 120, more: false } })
  t.match(await bulk(old), { body: { changed: 0, more: false } })
  t.match(await bulk({ filter: { assignedTo: 'me' }, set: { assignedTo: null } }), { body: { changed: 2, more: false } })
  for (const body of [{ set: { unread: true } }, { ids: [first], filter: { unread: true }, set: { unread: true } }, { ids: [first], set: { status: 'open' } }]) {
    t.equal((await bulk(body)).code, 'VALIDATION_FAILED')
  }
})

await t.test('inbound texts shuffled and doubled leave the same inbox as in order', async (t) => {
  const inOrder = await ground.newOrganization('In Order')
  const shuffled = await ground.newOrganization('Shuffled')
  const phones = ['+16155553001', '+16155553002', '+16155553003']
  const lines = ['Hello', 'Is there parking?', 'Please stop texting me', 'STOP', 'START', 'Thanks', 'See you', 'stop', 'Question', 'Liked “Hello”']
  for (const organization of [inOrder, shuffled]) for (const phone of phones) await addMember(ground, organization, phone)
  const texts = phones.flatMap((phone, p) => lines.map((text, n) => ({ phone, text, receivedAt: new Date(Date.UTC(2026, 2, 1, 10, p, n)).toISOString(), key: `${p}-${n}` })))
  const receive = async (organization: Organization, some: typeof texts) => {
    for (const { phone, text, receivedAt, key } of some) {
      await post(ground.app, { body: inboundBody({ from: phone, to: organization.number, text, receivedAt, messageId: `${organization.tenantId}-${key}` }) })
      if (randomInt(4) === 0) await ground.process()
    }
    await ground.process()
  }
  await receive(inOrder, texts)
  await receive(shuffled, [...texts.filter(({ text }) => text === 'Hello'), ...[...texts, ...texts].map((one) => ({ one, place: randomInt(1_000_000) })).sort((a, b) => a.place - b.place).map(({ one }) => one)])
  const stateOf = (organization: Organization) => inTenant(ground, organization, async (db) => ({
    members: (await sql`SELECT opt_in_state FROM members ORDER BY phone_hash`.execute(db)).rows.length,
    optedOut: (await sql`SELECT 1 FROM members WHERE opt_in_state = 'opted_out'`.execute(db)).rows.length,
    talks: (await sql`SELECT status, unread_count, needs_attention, last_inbound_at, member_id IS NOT NULL AS known FROM conversations ORDER BY last_inbound_at`.execute(db)).rows,
    texts: (await sql`SELECT text, sent_at, keyword, reply_to_id IS NOT NULL AS reacts FROM conversation_messages WHERE direction = 'inbound' ORDER BY sent_at`.execute(db)).rows,
    reactions: (await sql`SELECT r.reaction, m.text, m.sent_at FROM conversation_reactions r JOIN conversation_messages m ON m.id = r.conversation_message_id ORDER BY m.sent_at`.execute(db)).rows
  }))
  const [wanted, found] = [await stateOf(inOrder), await stateOf(shuffled)]
  t.match([wanted.texts.length, wanted.optedOut, wanted.talks.length, wanted.reactions.length], [30, 3, 3, 3])
  t.strictSame(found, wanted)
})
