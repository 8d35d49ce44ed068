// /api/templates, and messages made from them.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type MessageWithAudience, type Recipient } from '../../../src/features/messages/schemas.js'
import { type Template } from '../../../src/features/templates/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

type Tap = Parameters<typeof buildTestApp>[0]
interface Items<Item> { items: Item[], nextCursor: string | null }

async function open (t: Tap, kind: 'church' | 'studio' = 'church') {
  const app = await buildTestApp(t)
  const organization = await app.signUp(kind, { name: 'Hope House' })
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  let line = 1_000
  const addMember = async (firstName: string, fields: object = {}) => {
    const { status, body } = await api<{ id: string }>('POST', '/members', { firstName, lastName: 'Okafor', phone: `+1615555${line++}`, optIn: { source: 'form' }, ...fields })
    if (status !== 201) throw new Error(JSON.stringify(body))
    return body.id
  }
  const send = async (body: object) => await api<MessageWithAudience>('POST', '/messages', { to: { all: true }, ...body })
  const recipients = async (id: string) => (await api<Items<Recipient>>('GET', `/messages/${id}/recipients`)).body.items.sort((one, other) => (one.firstName ?? '') < (other.firstName ?? '') ? -1 : 1)
  return { app, organization, api, addMember, send, recipients }
}

void t.test('churches and studios begin with templates of their own, each of which can be sent as it is or completed', async (t) => {
  const lists = []
  for (const kind of ['church', 'studio'] as const) {
    const { api } = await open(t, kind)
    const { items } = (await api<Items<Template>>('GET', '/templates?limit=100')).body
    t.ok(items.length >= 10 && items.every(({ isDefault, useCount, category, text }) => isDefault && useCount === 0 && category !== '' && /\{\{firstName\|/.test(text)))
    lists.push(items.map(({ name }) => name))
    t.equal((await api<Items<Template>>('GET', '/templates?category=WELCOME')).body.items.every(({ category }) => category === 'welcome'), true)
  }
  t.ok(lists[0]?.includes('Prayer requests') && lists[1]?.includes('Class reminder'))
})

void t.test('a template is saved, read, changed, listed by name and deleted', async (t) => {
  const { api } = await open(t)
  const saved = await api<Template>('POST', '/templates', { name: ' Potluck ', category: 'Meals', text: 'Hi {{firstName|friend}}, bring {{custom.dish}}, {{firstName}}!' })
  t.match(saved, { status: 201, body: { name: 'Potluck', category: 'Meals', variables: ['firstName', 'custom.dish'], smartReplace: false, isDefault: false, useCount: 0 } })
  const { id } = saved.body
  t.match(await api('POST', '/templates', { name: 'POTLUCK', category: 'x', text: 'x' }), { status: 409, code: 'TEMPLATE_NAME_TAKEN' })
  t.match(await api('PATCH', `/templates/${id}`, { text: 'Potluck on Friday', smartReplace: true }), { status: 200, body: { text: 'Potluck on Friday', variables: [], smartReplace: true } })
  t.match(await api('PATCH', `/templates/${id}`, { text: '{{pastor}}' }), { status: 400, code: 'VALIDATION_FAILED', body: { errors: [{ path: '/body/text', message: /known are/ }] } })
  const [birthday] = (await api<Items<Template>>('GET', '/templates?category=care&limit=1')).body.items
  t.match(await api('PATCH', `/templates/${birthday?.id ?? ''}`, { category: 'birthdays' }), { body: { isDefault: false } }, 'one that was changed is the organization\'s own')
  t.same((await api<Items<Template>>('GET', '/templates?category=meals')).body.items.map(({ name }) => name), ['Potluck'])
  t.equal((await api('DELETE', `/templates/${id}`)).status, 204)
  for (const method of ['GET', 'DELETE'] as const) t.match(await api(method, `/templates/${id}`), { status: 404, code: 'TEMPLATE_NOT_FOUND' })
  for (const body of [{ name: 'x', category: 'x', text: '  ' }, { name: 'x', category: '', text: 'x' }, { name: 'x', category: 'x', text: 'a\0' }, { name: 'x', category: 'x', text: 'x', more: 1 }]) {
    t.match(await api('POST', '/templates', body), { code: 'VALIDATION_FAILED' })
  }
})

void t.test('each recipient gets their own words, counted after they are filled in', async (t) => {
  const { api, addMember, send, recipients } = await open(t)
  const [south, north] = [(await api<{ id: string }>('POST', '/branches', { name: 'South' })).body.id, (await api<{ id: string }>('POST', '/branches', { name: 'North' })).body.id]
  await addMember('Ada', { branchIds: [south], custom: { pew: 4 } })
  await addMember('Łucja', { branchIds: [north] })
  await addMember('Noah', { custom: { pew: 'x'.repeat(1_600) } })
  await addMember('Zoe', { optIn: undefined })
  const text = 'Hi {{firstName}} of {{branch|no branch}} in {{organization}}, pew {{custom.pew|any}}'
  const sent = await send({ text })
  t.match(sent, { status: 202, body: { text, counts: { queued: 2, suppressed: 1 } } })
  t.match(await recipients(sent.body.id), [
    { firstName: 'Ada', text: 'Hi Ada of South in Hope House, pew 4', encoding: 'gsm7', parts: 1, status: 'queued' },
    { firstName: 'Noah', text: null, parts: 0, status: 'suppressed', errorCode: 'text_too_long' },
    { firstName: 'Łucja', text: 'Hi Łucja of North in Hope House, pew any', encoding: 'ucs2', parts: 1, status: 'queued' }
  ])
  const empty = await send({ text: '{{custom.pew}}' })
  t.match((await recipients(empty.body.id)).map(({ firstName, errorCode }) => [firstName, errorCode]), [['Ada', null], ['Noah', 'text_too_long'], ['Łucja', 'text_empty']])
  t.equal((await send({ text: `{{firstName}}${'x'.repeat(1_531)}` })).code, 'TEXT_TOO_LONG', 'too long for everybody')
  t.equal((await send({ text: 'Hi {{frstName}}' })).code, 'VALIDATION_FAILED')
})

void t.test('over several pages of members each is written to once, and who has two branches hears of the one that is meant', async (t) => {
  const { app, organization, api, addMember, send } = await open(t)
  const [first, second] = [(await api<{ id: string }>('POST', '/branches', { name: 'First' })).body.id, (await api<{ id: string }>('POST', '/branches', { name: 'Second' })).body.id]
  const ada = await addMember('Ada')
  await api('PATCH', `/members/${ada}`, { branchIds: [first] })
  await api('PATCH', `/members/${ada}`, { branchIds: [first, second] })
  const heard = async (to: object) => {
    const { body } = await send({ text: 'See you at {{branch}}', to })
    return (await api<Items<Recipient>>('GET', `/messages/${body.id}/recipients`)).body.items[0]?.text
  }
  t.same([await heard({ all: true }), await heard({ branchIds: [second] })], ['See you at First', 'See you at Second'])
  await app.services.tenancy.withTenant(organization.tenantId, async (db) => {
    const rows = Array.from({ length: 2_500 }, (_, n) => ({ first_name: `M${n}`, last_name: '', phone_cipher: Buffer.alloc(1), phone_hash: Buffer.from(String(n).padStart(32)), opt_in_state: 'opted_in' as const }))
    await db.insertInto('members').values(rows).execute()
  })
  const { body } = await send({ text: 'Hi {{firstName}}' })
  t.equal(body.counts['queued'], 2_501)
  const texts = await app.services.tenancy.withTenant(organization.tenantId, async (db) => await db.selectFrom('message_recipients').select('rendered_text').where('message_id', '=', body.id).execute())
  t.equal(new Set(texts.map(({ rendered_text: text }) => text)).size, 2_501)
})

void t.test('a message says what its template said when it was made, unless it brings words of its own', async (t) => {
  const { api, addMember, send, recipients } = await open(t)
  await addMember('Ada')
  const { id: templateId } = (await api<Template>('POST', '/templates', { name: 'Note', category: 'x', text: 'Hi {{firstName}} – “hello”', smartReplace: true })).body
  const plain = (await send({ templateId })).body
  t.match(plain, { templateId, smartReplace: true, text: 'Hi {{firstName}} – “hello”' })
  t.match(await recipients(plain.id), [{ text: 'Hi Ada - "hello"', encoding: 'gsm7' }])
  t.match(await send({ templateId, text: 'Own “words”' }), { status: 202, body: { templateId, text: 'Own "words"' } })
  t.match(await send({ templateId, text: 'Own “words”', smartReplace: false }), { body: { text: 'Own “words”' } })
  const later = (await send({ templateId, sendAt: new Date(Date.now() + 60_000) })).body
  await api('PATCH', `/templates/${templateId}`, { text: 'Changed' })
  t.match((await api('GET', `/messages/${later.id}`)).body, { text: 'Hi {{firstName}} – “hello”' })
  t.match((await api('GET', `/templates/${templateId}`)).body, { useCount: 4 })
  t.equal((await api('DELETE', `/templates/${templateId}`)).status, 204)
  t.match((await api('GET', `/messages/${later.id}`)).body, { templateId: null, smartReplace: true })
  t.match(await send({ templateId: randomUUID() }), { status: 404, code: 'TEMPLATE_NOT_FOUND' })
  t.match(await send({ text: 'Write \\{{firstName}}' }), { body: { text: 'Write {{firstName}}' } })
})
