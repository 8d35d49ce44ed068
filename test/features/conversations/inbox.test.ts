// The inbox over the API: what is listed, read, answered and closed.
import t from 'tap'
import { type Static } from 'typebox'
import { type Conversation, type ConversationMessage } from '../../../src/features/conversations/schemas.js'
import { addMember, inTenant, openGround, type Organization } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'

type Page<Item> = { items: Item[], nextCursor: string | null }

const ground = await openGround(t)
const church = await ground.newOrganization('Grace Chapel')
const studio = await ground.newOrganization('Studio Nord')
const ada = '+16155551001'
const stranger = '+16155551002'
await addMember(ground, church, ada)

async function say (from: string, text: string, receivedAt = new Date().toISOString(), to: Organization = church): Promise<void> {
  await post(ground.app, { body: inboundBody({ from, to: to.number, text, receivedAt }) })
  await ground.process()
}

async function call (method: 'GET' | 'POST' | 'PATCH', path: string, body?: object, organization: Organization = church): Promise<{ status: number, json: unknown }> {
  const response = await ground.app.inject({ method, url: `/api/conversations${path}`, headers: organization.headers, ...(body === undefined ? {} : { payload: body }) })
  return { status: response.statusCode, json: response.json() }
}

const pageOf = async (query = '') => (await call('GET', query)).json as Page<Static<typeof Conversation>>
const list = async (query = '') => (await pageOf(query)).items
const messagesOf = async (id: string, query = '') => (await call('GET', `/${id}/messages${query}`)).json as Page<Static<typeof ConversationMessage>>

await t.test('a text makes a conversation with its member, or with a number that nobody knows', async (t) => {
  await say(ada, 'Hello!')
  await say(stranger, 'Who is this?')
  t.match(await list(), [
    { phone: stranger, member: null, unreadCount: 1, lastMessagePreview: 'Who is this?', status: 'open', ourNumber: church.number, needsAttention: null },
    { phone: ada, member: { firstName: 'Ada', optInState: 'opted_in' }, unreadCount: 1, lastMessagePreview: 'Hello!' }
  ])
  t.match(await call('GET', '', undefined, studio), { status: 200, json: { items: [] } })
})

await t.test('unread texts are counted until they are read', async (t) => {
  await say(ada, 'One more thing')
  const [conversation] = await list()
  t.match(conversation, { phone: ada, unreadCount: 2 })
  t.match(await call('POST', `/${conversation?.id ?? ''}/read`), { status: 200, json: { unreadCount: 0 } })
  t.same((await list('?unread=true')).map(({ phone }) => phone), [stranger])
  await say(ada, 'And another')
  t.equal((await list())[0]?.unreadCount, 1)
})

await t.test('a reply goes to that one person, from the number they texted, and shows how far it has come', async (t) => {
  const [conversation] = await list('?search=ada')
  const id = conversation?.id ?? ''
  const answer = await call('POST', `/${id}/messages`, { text: 'See you on Sunday!' })
  t.match(answer, { status: 201, json: { direction: 'outbound', text: 'See you on Sunday!', status: 'queued', sentBy: church.admin.id } })
  const recipients = await inTenant(ground, church, (db) => db.selectFrom('message_recipients').innerJoin('messages', 'id', 'message_id').select(['kind', 'from_number', 'message_recipients.status']).execute())
  t.same(recipients, [{ kind: 'reply', from_number: church.number, status: 'queued' }])
  await inTenant(ground, church, (db) => db.updateTable('message_recipients').set({ status: 'delivered' }).execute())
  const { items } = await messagesOf(id)
  t.same(items.map(({ text, status }) => [text, status]), [['See you on Sunday!', 'delivered'], ['And another', 'received'], ['One more thing', 'received'], ['Hello!', 'received']])
  t.match((await list())[0], { phone: ada, lastMessagePreview: 'See you on Sunday!' })
})

await t.test('when the number they texted is gone, the reply leaves from the default one', async (t) => {
  const [conversation] = await list('?search=ada')
  await inTenant(ground, church, (db) => db.updateTable('conversations').set({ our_number: '+16150000000' }).where('id', '=', conversation?.id ?? '').execute())
  t.match(await call('POST', `/${conversation?.id ?? ''}/messages`, { text: 'From our new number' }), { status: 201 })
  const { from_number: from } = await inTenant(ground, church, (db) => db.selectFrom('messages').select('from_number').where('text', '=', 'From our new number').executeTakeFirstOrThrow())
  t.equal(from, church.number)
})

await t.test('a person who said STOP is not replied to, member or not', async (t) => {
  await say(stranger, 'stop')
  const [conversation] = await list(`?search=${encodeURIComponent(stranger)}`)
  t.match(await call('POST', `/${conversation?.id ?? ''}/messages`, { text: 'But why?' }), { status: 409, json: { code: 'MEMBER_OPTED_OUT' } })
  const { items } = await messagesOf(conversation?.id ?? '')
  t.match(items, [{ direction: 'outbound', keyword: 'stop', sentBy: null }, { direction: 'inbound', keyword: 'stop', text: 'stop' }, { keyword: null }], 'the talk shows the confirmation')
})

await t.test('a wish to stop in plain words calls a person, who can put it aside', async (t) => {
  const phone = '+16155551003'
  await say(phone, 'Please stop texting me')
  const [flagged] = await list('?needsAttention=true')
  t.match(flagged, { phone, needsAttention: 'stop_request' })
  await say(phone, 'Hello?')
  t.equal((await list('?needsAttention=true')).length, 1, 'a later text does not hide it')
  t.match(await call('PATCH', `/${flagged?.id ?? ''}`, { needsAttention: null }), { status: 200, json: { needsAttention: null } })
})

await t.test('after closing, a new text opens a new conversation; the old one can be opened when none is', async (t) => {
  const phone = '+16155551004'
  await say(phone, 'first')
  const [first] = await list(`?search=${encodeURIComponent(phone)}`)
  const old = first?.id ?? ''
  t.match(await call('PATCH', `/${old}`, { status: 'closed', unread: false }), { status: 200, json: { status: 'closed', unreadCount: 0 } })
  await say(phone, 'second')
  t.equal((await list(`?search=${encodeURIComponent(phone)}`)).length, 2)
  t.match(await call('PATCH', `/${old}`, { status: 'open' }), { status: 409, json: { code: 'CONVERSATION_SUPERSEDED' } })
  t.match(await call('POST', `/${old}/messages`, { text: 'late' }), { status: 409, json: { code: 'CONVERSATION_SUPERSEDED' } })
  const [second] = await list(`?status=open&search=${encodeURIComponent(phone)}`)
  await call('PATCH', `/${second?.id ?? ''}`, { status: 'closed' })
  t.match(await call('POST', `/${old}/messages`, { text: 'late' }), { status: 201 })
  t.match(await call('GET', `/${old}`), { json: { status: 'open' } })
})

await t.test('texts are shown in the order the carrier got them, however late we hear of one', async (t) => {
  const phone = '+16155551005'
  await say(phone, 'third', '2026-03-01T10:00:30.000Z')
  await say(phone, 'first', '2026-03-01T10:00:10.000Z')
  await say(phone, 'second', '2026-03-01T10:00:20.000Z')
  const [conversation] = await list(`?search=${encodeURIComponent(phone)}`)
  t.match(conversation, { lastMessagePreview: 'third', lastMessageAt: '2026-03-01T10:00:30.000Z', unreadCount: 3 })
  const first = await messagesOf(conversation?.id ?? '', '?limit=2')
  t.same(first.items.map(({ text }) => text), ['third', 'second'])
  const second = await messagesOf(conversation?.id ?? '', `?limit=2&cursor=${first.nextCursor ?? ''}`)
  t.same([second.items.map(({ text }) => text), second.nextCursor], [['first'], null])
})

await t.test('pages of the inbox show each conversation once', async (t) => {
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Page<Static<typeof Conversation>> = await pageOf(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  }
  t.same(seen, (await list()).map(({ id }) => id))
  t.match(await call('GET', '?cursor=xyz'), { status: 400, json: { code: 'CURSOR_INVALID' } })
})

await t.test('what a number wrote before it was a member\'s becomes the member\'s', async (t) => {
  const phone = '+16155551006'
  await say(phone, 'Hello, I am new here')
  await ground.app.inject({ method: 'POST', url: '/api/members', headers: church.headers, payload: { firstName: 'Noa', lastName: 'Levi', phone } })
  t.match(await list(`?search=${encodeURIComponent(phone)}`), [{ member: { firstName: 'Noa' } }])
})

await t.test('media come with their address and size; an empty reply is refused', async (t) => {
  const phone = '+16155551007'
  await post(ground.app, { body: inboundBody({ from: phone, to: church.number, text: '', media: [{ url: 'https://media.example/1.jpg', content_type: 'image/jpeg', size: 1234 }] }) })
  await ground.process()
  const [conversation] = await list()
  t.match(conversation, { phone, lastMessagePreview: 'A picture or file' })
  t.match((await messagesOf(conversation?.id ?? '')).items, [{ media: [{ url: 'https://media.example/1.jpg', contentType: 'image/jpeg', size: 1234 }] }])
  t.match(await call('POST', `/${conversation?.id ?? ''}/messages`, { text: '  ' }), { status: 400, json: { code: 'VALIDATION_FAILED' } })
  t.match(await call('POST', `/${conversation?.id ?? ''}/messages`, { text: '', mediaUrls: ['https://media.example/2.jpg'] }), { status: 201, json: { media: [{ url: 'https://media.example/2.jpg' }] } })
})

await t.test('another organization\'s conversation is not there', async (t) => {
  const [conversation] = await list()
  const id = conversation?.id ?? ''
  for (const [method, path, body] of [['GET', `/${id}`], ['PATCH', `/${id}`, { status: 'closed' }], ['POST', `/${id}/read`], ['GET', `/${id}/messages`], ['POST', `/${id}/messages`, { text: 'x' }]] as const) {
    t.match(await call(method, path, body, studio), { status: 404, json: { code: 'CONVERSATION_NOT_FOUND' } }, `${method} ${path}`)
  }
})
