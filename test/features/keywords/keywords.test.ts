// The organization's own keywords: who texts one gets what it says, and two machines that answer each other fall silent.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { type Keyword } from '../../../src/features/keywords/schemas.js'
import { type AccessClaims } from '../../../src/http/authentication.js'
import { apiOf } from '../../helpers/api.js'
import { addMember, inTenant, openGround, type Organization } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'

let ahead = 0
const ground = await openGround(t, {}, { now: () => new Date(Date.now() + ahead) })
const church = await ground.newOrganization('Grace Chapel')
const api = apiOf(ground.app, church)
let nextPhone = 1000
const newPhone = (): string => `+1615558${nextPhone++}`
const optInWords = 'Welcome! Msg & data rates may apply. Reply HELP for help, STOP to opt out.'

const hashOf = ({ tenantId }: Organization, phone: string): Buffer => fieldCrypto(ground.services.keyring, tenantId).blindIndex(phone)

async function say (from: string, text: string, to: Organization = church): Promise<void> {
  const now = Date.now() + ahead
  const { statusCode } = await post(ground.app, { timestamp: Math.floor(now / 1_000), body: inboundBody({ from, to: to.number, text, receivedAt: new Date(now).toISOString() }) })
  t.equal(statusCode, 200)
  await ground.process()
}

async function answersTo (phone: string, of: Organization = church) {
  return await inTenant(ground, of, (db) => db.selectFrom('message_recipients as r').innerJoin('messages as m', 'm.id', 'r.message_id').leftJoin('message_queue as q', 'q.message_id', 'm.id')
    .select(['m.kind', 'm.text', 'q.lane']).where('r.phone_hash', '=', hashOf(of, phone)).orderBy('m.id').execute())
}

async function make (keyword: object, by = api): Promise<Keyword> {
  const answer = await by<Keyword>('POST', '/keywords', keyword)
  t.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}

await t.test('a keyword is one word whatever its spelling, listed by word, changed and deleted', async (t) => {
  const times = await make({ word: ' service-times! ', action: 'reply', replyText: 'Sundays at ten.' })
  t.match(times, { word: 'SERVICE TIMES', action: 'reply', replyText: 'Sundays at ten.', tag: null })
  t.equal((await api('POST', '/keywords', { word: 'Service Times', action: 'opt_in' })).code, 'KEYWORD_TAKEN')
  const serve = await make({ word: 'Serve', action: 'add_tag', tag: 'Volunteers' })
  const first = (await api<{ items: Keyword[], nextCursor: string }>('GET', '/keywords?limit=1')).body
  const second = (await api<{ items: Keyword[], nextCursor: null }>('GET', `/keywords?limit=1&cursor=${first.nextCursor}`)).body
  t.same([...first.items, ...second.items], [serve, times])
  t.match((await api('PATCH', `/keywords/${serve.id}`, { tag: 'helpers', word: 'ｓｅｒｖｅ' })).body, { word: 'SERVE', tag: 'helpers' })
  t.match((await api('PATCH', `/keywords/${serve.id}`, { action: 'reply', replyText: 'Thanks!' })).body, { action: 'reply', tag: null })
  t.equal((await api('PATCH', `/keywords/${serve.id}`, { word: 'service TIMES' })).code, 'KEYWORD_TAKEN')
  for (const { id } of [serve, times]) t.equal((await api('DELETE', `/keywords/${id}`)).status, 204)
  for (const method of ['PATCH', 'DELETE'] as const) t.equal((await api(method, `/keywords/${serve.id}`, method === 'PATCH' ? { word: 'x' } : undefined)).code, 'KEYWORD_NOT_FOUND')
  t.equal((await api('POST', '/keywords', { word: '…', action: 'opt_in' })).code, 'VALIDATION_FAILED')
})

await t.test('the words that opt out or in or ask for help can\'t be taken, in no spelling, also by SQL', async (t) => {
  for (const word of ['stop', 'Stop-All', 'UNSUBSCRIBE', 'cancel!', 'end', 'quit', 'revoke', 'opt out', 'OptOut', 'START', 'unstop', 'yes', 'help?', 'Info', 'ＳＴＯＰ', 'stop it', 'remove me']) {
    t.equal((await api('POST', '/keywords', { word, action: 'opt_in' })).code, 'KEYWORD_RESERVED', word)
  }
  await t.rejects(inTenant(ground, church, (db) => db.insertInto('keywords').values({ word: 'STOP', action: 'opt_in' }).execute()), /keywords_reserved/)
})

await t.test('a keyword without what its action needs is refused', async (t) => {
  const refused: Array<[object, string]> = [
    [{ action: 'reply' }, '/body/replyText'], [{ action: 'opt_in', replyText: 'Welcome!' }, '/body/replyText'], [{ action: 'add_tag' }, '/body/tag'],
    [{ action: 'reply', replyText: 'Hi', tag: 'choir' }, '/body/tag'], [{ action: 'reply', replyText: 'Hi {{firstName}}' }, '/body/replyText']
  ]
  for (const [body, path] of refused) t.match(await api('POST', '/keywords', { word: 'Picnic', ...body }), { code: 'VALIDATION_FAILED', body: { errors: [{ path }] } }, path)
})

await t.test('a text that is the word alone is answered, in the inbox too; one with more words waits for a person', async (t) => {
  await make({ word: 'Parking', action: 'reply', replyText: 'Behind the hall.' })
  const phone = newPhone()
  await say(phone, '“parking?” 🙏')
  t.match(await answersTo(phone), [{ kind: 'auto_reply', text: 'Grace Chapel: Behind the hall.', lane: 1 }])
  await say(phone, 'Is there parking?')
  t.equal((await answersTo(phone)).length, 1)
  const { body: { items: [talk] } } = await api<{ items: Array<{ id: string }> }>('GET', `/conversations?search=${encodeURIComponent(phone)}`)
  const { items } = (await api<{ items: object[] }>('GET', `/conversations/${talk?.id ?? ''}/messages`)).body
  t.match(items, [{ direction: 'inbound', keyword: null }, { direction: 'outbound', keyword: 'custom', sentBy: null }, { direction: 'inbound', keyword: 'custom' }])
  await say('22000', 'parking')
  t.same(await answersTo('22000'), [], 'a short code is a machine')
})

await t.test('a keyword that tags tags the member; a stranger is only answered', async (t) => {
  const keyword = await make({ word: 'Choir', action: 'add_tag', tag: 'Singers', replyText: 'See you on Thursday.' })
  const [phone, stranger] = [newPhone(), newPhone()]
  const id = await addMember(ground, church, phone)
  await say(phone, 'choir')
  await say(phone, 'CHOIR')
  t.same((await api('GET', `/members/${id}`)).body['tags'], ['Singers'])
  await say(stranger, 'choir')
  t.match(await answersTo(stranger), [{ text: 'Grace Chapel: See you on Thursday.' }])
  const { items } = (await api<{ items: Array<{ id: string, name: string }> }>('GET', '/tags')).body
  const tag = items.find(({ name }) => name === 'Singers')?.id ?? ''
  t.equal((await api('DELETE', `/tags/${tag}`)).code, 'TAG_IN_USE')
  await api('DELETE', `/keywords/${keyword.id}`)
  t.equal((await api('DELETE', `/tags/${tag}`)).status, 204)
})

await t.test('a keyword that opts in puts the words on record, also for a number that becomes a member later', async (t) => {
  await make({ word: 'News', action: 'opt_in', replyText: optInWords })
  const [phone, stranger] = [newPhone(), newPhone()]
  const id = await addMember(ground, church, phone, 'pending')
  await say(phone, 'News!')
  t.equal((await api('GET', `/members/${id}`)).body['optInState'], 'opted_in')
  t.match((await api('GET', `/members/${id}/consent`)).body, { items: [{ topic: 'messages', action: 'granted', source: 'keyword', evidence: { words: 'News!', providerMessageId: /./, receivedAt: /Z$/ } }] })
  t.match(await answersTo(phone), [{ text: `Grace Chapel: ${optInWords}` }])
  await say(stranger, 'news')
  t.match((await api('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone: stranger })).body, { optInState: 'opted_in' })
})

await t.test('who has opted out gets no answer but to HELP and START, and no keyword opts them in', async (t) => {
  await make({ word: 'Updates', action: 'opt_in' })
  const phone = newPhone()
  const id = await addMember(ground, church, phone)
  await say(phone, 'STOP')
  for (const word of ['Updates', 'News', 'Parking']) await say(phone, word)
  t.equal((await answersTo(phone)).length, 1)
  t.equal((await api('GET', `/members/${id}`)).body['optInState'], 'opted_out')
  await say(phone, 'HELP')
  await say(phone, 'START')
  await say(phone, 'Parking')
  t.match((await answersTo(phone)).map(({ text }) => text), [/opted out/, /STOP to opt out/, /opted in/, /Behind the hall/])
})

await t.test('all automatic answers of an hour count together, and an hour later there are more', async (t) => {
  const phone = newPhone()
  for (let times = 0; times < 4; times++) for (const word of ['HELP', 'Parking', 'News']) await say(phone, word)
  t.equal((await answersTo(phone)).length, 5)
  ahead = 61 * 60_000
  await say(phone, 'Parking')
  t.equal((await answersTo(phone)).length, 6)
})

await t.test('two organizations whose keywords set each other off fall silent', async (t) => {
  const studio = await ground.newOrganization('Studio Nord')
  // A name is put in front of an answer, so one that is a keyword takes the name in.
  await make({ word: 'Studio Nord pong', action: 'reply', replyText: 'ping' })
  await make({ word: 'Grace Chapel ping', action: 'reply', replyText: 'pong' }, apiOf(ground.app, studio))
  let carried = 0
  const seen = new Map([[church, 0], [studio, 0]])
  await say(studio.number, 'Studio Nord: pong')
  for (let round = 0; round < 30; round++) {
    for (const [from, to] of [[church, studio], [studio, church]] as const) {
      const texts = await answersTo(to.number, from)
      for (const { text } of texts.slice(seen.get(from))) {
        carried++
        await say(from.number, text, to)
      }
      seen.set(from, texts.length)
    }
  }
  t.equal(carried, 10, 'five of each')
})

await t.test('only those who lead the organization make keywords', async (t) => {
  const other = await ground.newOrganization('Hope Church')
  await inTenant(ground, other, (db) => db.updateTable('admins').set({ role: 'staff' }).execute())
  const { sub, sid } = ground.app.jwt.verify<AccessClaims>(other.accessToken)
  const token = ground.app.jwt.sign({ tid: other.tenantId, sub, sid, role: 'staff' })
  const staff = apiOf(ground.app, { headers: { authorization: `Bearer ${token}` } })
  for (const [method, path, body] of [['POST', '/keywords', { word: 'x', action: 'opt_in' }], ['DELETE', `/keywords/${randomUUID()}`, undefined], ['PATCH', '/settings/messaging', { helpText: null }]] as const) {
    t.equal((await staff(method, path, body)).code, 'ROLE_INSUFFICIENT', path)
  }
  t.equal((await staff('GET', '/keywords')).status, 200)
})
