// /api/messages: who is chosen, what is refused, and the whole way to a delivered text.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Message, type Recipient } from '../../../src/features/messages/schemas.js'
import { buildTestApp, type BuildOptions } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

type Tap = Parameters<typeof buildTestApp>[0]
type Sent = Message & { to: unknown }
interface MemberFields { phone: string, optIn?: boolean, tags?: string[], branchIds?: string[] }

async function open (t: Tap, options: BuildOptions = {}) {
  const app = await buildTestApp(t, options)
  const organization = await app.signUp()
  const request = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, headers = {}) =>
    await app.app.inject({ method, url: `/api${url}`, headers: { ...organization.headers, ...headers }, ...(payload === undefined ? {} : { payload }) })
  const addMember = async ({ phone, optIn = true, tags = [], branchIds = [] }: MemberFields): Promise<string> => {
    const response = await request('POST', '/members', { firstName: 'Ada', lastName: phone.slice(-4), phone, tags, branchIds, ...(optIn ? { optIn: { source: 'form' } } : {}) })
    if (response.statusCode !== 201) throw new Error(response.body)
    return response.json<{ id: string }>().id
  }
  const send = async (body: object, headers = {}) => await request('POST', '/messages', body, headers)
  const recipients = async (id: string, query = ''): Promise<Recipient[]> => (await request('GET', `/messages/${id}/recipients${query}`)).json<{ items: Recipient[] }>().items
  return { app, organization, request, addMember, send, recipients }
}

void t.test('a broadcast to all reaches every opted-in member, whether or not they ever wrote, and ends delivered', async (t) => {
  const { app, organization, request, addMember, send, recipients } = await open(t, { carrier: true })
  const { number } = await app.addNumber(organization)
  for (const phone of ['+16155550111', '+16155550112', '+16155550113']) await addMember({ phone })
  await addMember({ phone: '+16155550114', optIn: false })
  await app.startWorker()
  const response = await send({ text: 'Hello all', to: { all: true } })
  t.equal(response.statusCode, 202)
  const sent = response.json<Sent>()
  t.match(sent, { kind: 'broadcast', text: 'Hello all', mediaUrls: [], from: number, to: { all: true }, sendAt: null })
  t.equal(Object.values(sent.counts).reduce((sum, count) => sum + count, 0), 3)
  const done = await until(async () => {
    const now = (await request('GET', `/messages/${sent.id}`)).json<Sent>()
    return now.status === 'sent' && now.counts.sending === 0 && now
  })
  t.match(done.counts, { queued: 0, failed: 0, suppressed: 0, unknown: 0, cancelled: 0 })
  t.match(await recipients(sent.id), [1, 2, 3].map(() => ({ firstName: 'Ada', phone: /^\+1615555011[123]$/, parts: 1, encoding: 'gsm7', errorCode: null, sentAt: String })))
  const texts = await (await fetch(`${app.carrier!.url}/sandbox/messages?from=${encodeURIComponent(number)}`)).json() as { items: Array<{ to: string, text: string }> }
  t.same(texts.items.map(({ to }) => to).sort(), ['+16155550111', '+16155550112', '+16155550113'])
})

void t.test('memberIds, branchIds and tags choose who gets it; nobody is chosen twice', async (t) => {
  const { app, organization, request, addMember, send, recipients } = await open(t)
  await app.addNumber(organization)
  const branch = async (name: string): Promise<string> => (await request('POST', '/branches', { name })).json<{ id: string }>().id
  const [north, south] = [await branch('North'), await branch('South')]
  const both = await addMember({ phone: '+16155550111', branchIds: [north, south], tags: ['Choir', 'Youth'] })
  const one = await addMember({ phone: '+16155550112', branchIds: [south] })
  const pending = await addMember({ phone: '+16155550113', branchIds: [south], tags: ['choir'], optIn: false })
  const out = await addMember({ phone: '+16155550114' })
  await request('PATCH', `/members/${out}`, { optOut: {} })
  const chosen = async (to: object) => {
    const response = await send({ text: 'Hello', to })
    t.equal(response.statusCode, 202, response.body)
    const { id, counts } = response.json<Sent>()
    const items = await recipients(id)
    return { counts, members: items.map(({ memberId, status, errorCode }) => [memberId, status, errorCode]).sort() }
  }
  t.same((await chosen({ branchIds: [north, south] })).members, [[both, 'queued', null], [one, 'queued', null]].sort())
  t.same((await chosen({ tags: ['CHOIR', 'youth'] })).members, [[both, 'queued', null]])
  const explicit = await chosen({ memberIds: [one, one, pending, out] })
  t.same(explicit.members, [[one, 'queued', null], [out, 'suppressed', 'opted_out'], [pending, 'suppressed', 'not_opted_in']].sort())
  t.match(explicit.counts, { queued: 1, suppressed: 2 })
  const none = await send({ text: 'Hello', to: { memberIds: [pending] } })
  t.match(none.json<Sent>(), { status: 'sent', counts: { queued: 0, suppressed: 1 } }, 'nothing of it waits')
})

void t.test('what cannot be sent is refused, and nothing is queued', async (t) => {
  const { app, organization, request, addMember, send } = await open(t)
  const member = await addMember({ phone: '+16155550111', tags: ['choir'], optIn: false })
  const refused = async (body: object, code: string, more: object = {}) => {
    const response = await send(body)
    t.match(response.json(), { code, ...more }, code)
  }
  const to = { all: true }
  await refused({ text: 'Hello', to }, 'NO_SENDING_NUMBER')
  await app.addNumber(organization)
  await refused({ text: 'Hello', to }, 'AUDIENCE_EMPTY')
  await refused({ text: 'Hello', to: { tags: ['choir'] } }, 'AUDIENCE_EMPTY')
  const nobody = randomUUID()
  await refused({ text: 'Hello', to: { memberIds: [member, nobody] } }, 'MEMBER_NOT_FOUND', { status: 404, detail: new RegExp(nobody), errors: [{ path: '/body/to/memberIds' }] })
  await refused({ text: 'Hello', to: { branchIds: [nobody] } }, 'BRANCH_NOT_FOUND', { status: 404, detail: new RegExp(nobody) })
  await refused({ text: 'Hello', to: { tags: ['choir', 'basses'] } }, 'TAG_NOT_FOUND', { status: 404, detail: /basses/ })
  await refused({ text: 'a'.repeat(1_531), to }, 'TEXT_TOO_LONG', { detail: /11 parts/ })
  for (const body of [{ to }, { text: '  ', to }, { text: 'a\0b', to }, { text: 'Hello' }, { text: 'Hello', to: {} }, { text: 'Hello', to: { all: false } }, { text: 'Hello', to: { all: true, tags: ['choir'] } },
    { text: 'Hello', to: { memberIds: [] } }, { text: 'Hello', to: { memberIds: ['x'] } }, { text: 'Hello', to, sendAt: 'tomorrow' }, { text: 'Hello', to, mediaUrls: ['ftp://example.org/a'] }, { text: 'Hello', to, more: 1 }]) {
    await refused(body, 'VALIDATION_FAILED', { status: 400, errors: [{ path: /^\/body/ }] })
  }
  t.same((await request('GET', '/messages')).json(), { items: [], nextCursor: null })
  t.match((await request('GET', `/messages/${nobody}`)).json(), { code: 'MESSAGE_NOT_FOUND', status: 404 })
  t.match((await request('GET', `/messages/${nobody}/recipients`)).json(), { code: 'MESSAGE_NOT_FOUND', status: 404 })
})

void t.test('a text for later waits as scheduled and leaves at its time', async (t) => {
  const { app, organization, request, addMember, send, recipients } = await open(t, { carrier: true })
  await app.addNumber(organization)
  await addMember({ phone: '+16155550111' })
  await app.startWorker()
  const sendAt = new Date(Date.now() + 2_000)
  const sent = (await send({ text: 'Later', to: { all: true }, sendAt })).json<Sent>()
  t.match(sent, { status: 'scheduled', sendAt: sendAt.toISOString(), counts: { queued: 0 }, audienceSize: 1 })
  const done = await until(async () => {
    const now = (await request('GET', `/messages/${sent.id}`)).json<Sent>()
    return now.status === 'sent' && now
  })
  t.match(done, { counts: { queued: 0, sending: 0 } })
  t.ok(Date.now() >= sendAt.getTime())
  t.equal((await recipients(sent.id)).length, 1)
  t.match((await send({ text: 'Late', to: { all: true }, sendAt: '2020-01-01T00:00:00Z' })).json<Sent>(), { status: 'sending', sendAt: null })
})

void t.test('lists come in pages, and recipients by status', async (t) => {
  const { app, organization, request, addMember, send, recipients } = await open(t)
  await app.addNumber(organization)
  const ids = [await addMember({ phone: '+16155550111' }), await addMember({ phone: '+16155550112' }), await addMember({ phone: '+16155550113', optIn: false })]
  const sent = []
  for (const text of ['one', 'two', 'three']) sent.push((await send({ text, to: { memberIds: ids } })).json<Sent>().id)
  const page = async (url: string) => (await request('GET', url)).json<{ items: Array<{ id: string, phone: string }>, nextCursor: string | null }>()
  const first = await page('/messages?limit=2')
  t.same(first.items.map(({ id }) => id), [sent[2], sent[1]])
  const second = await page(`/messages?limit=2&cursor=${first.nextCursor!}`)
  t.same([second.items.map(({ id }) => id), second.nextCursor], [[sent[0]], null])
  const some = await page(`/messages/${sent[0]!}/recipients?limit=2`)
  const others = await page(`/messages/${sent[0]!}/recipients?limit=2&cursor=${some.nextCursor!}`)
  t.same([...some.items, ...others.items].map(({ phone }) => phone).sort(), ['+16155550111', '+16155550112', '+16155550113'])
  t.match(await recipients(sent[0]!, '?status=suppressed'), [{ memberId: ids[2], errorCode: 'not_opted_in' }])
  t.match((await request('GET', `/messages/${sent[1]!}/recipients?cursor=${some.nextCursor!}`)).json(), { code: 'CURSOR_INVALID' }, 'a cursor is of one list')
  t.match((await request('GET', '/messages/x')).json(), { status: 400, code: 'VALIDATION_FAILED' })
})

void t.test('a repeated POST under one Idempotency-Key queues once', async (t) => {
  const { app, organization, request, addMember, send } = await open(t)
  await app.addNumber(organization)
  await addMember({ phone: '+16155550111' })
  const again = async () => (await send({ text: 'Hello', to: { all: true } }, { 'idempotency-key': 'once' })).json<Sent>().id
  t.equal(await again(), await again())
  t.equal((await request('GET', '/messages')).json<{ items: unknown[] }>().items.length, 1)
})

void t.test('opting out cancels what waits', async (t) => {
  const { app, organization, request, addMember, send } = await open(t)
  await app.addNumber(organization)
  const member = await addMember({ phone: '+16155550111' })
  await addMember({ phone: '+16155550112' })
  const { id } = (await send({ text: 'Hello', to: { all: true } })).json<Sent>()
  await request('PATCH', `/members/${member}`, { optOut: {} })
  t.match((await request('GET', `/messages/${id}`)).json<Sent>(), { status: 'sending', counts: { queued: 1, cancelled: 1 } })
  const only = (await send({ text: 'Hello again', to: { all: true } })).json<Sent>()
  t.match(only.counts, { queued: 1, suppressed: 0 }, 'the next one passes them by')
})
