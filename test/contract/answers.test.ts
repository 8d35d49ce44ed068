// A long journey through every feature: each answer on the way is what /openapi.json says.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { makeMediaLink } from '../../src/features/media/media-link.js'
import { buildTestApp } from '../helpers/build.js'
import { postImport } from '../helpers/import.js'
import { listenEvents } from '../helpers/listen-events.js'
import { seedOrganization } from '../helpers/seed-organization.js'
import { until } from '../helpers/until.js'
import { upload } from '../helpers/upload.js'
import { type Document, operationsOf } from './open-document.js'
import { watchAnswers } from './watch-answers.js'

interface Items { items: Array<Record<string, unknown> & { id: string }>, nextCursor: string | null }
interface Sent { id: string, counts: Record<string, number> }

const { built: test, compare } = await watchAnswers(async () => await buildTestApp(t, { carrier: true }))
const { app } = test

void t.test('from sign-up to a delivered text, a reply, an answer, STOP, and a broadcast that passes by', async (t) => {
  await test.startWorker()
  const church = await seedOrganization(test, 'church', 'Bethel')
  const studio = await seedOrganization(test, 'studio', 'Riverside')
  const { api, ids, members: [ruth], textIn } = church
  const phone = ruth?.phone ?? ''

  const inbox = (await api<Items>('GET', '/conversations?unread=true')).body.items
  t.match(inbox, [{ id: ids.conversations, phone, unreadCount: 1, lastMessagePreview: 'Bethel will be there' }])
  t.match((await studio.api<Items>('GET', '/conversations')).body.items, [{ lastMessagePreview: 'Riverside will be there' }], 'the reply is in no other inbox')
  t.match((await api('POST', `/conversations/${ids.conversations}/read`)).body, { unreadCount: 0 })
  const answer = await api<{ messageId: string }>('POST', `/conversations/${ids.conversations}/messages`, { text: 'See you there' })
  t.equal(answer.status, 201)
  await until(async () => (await api<Items>('GET', `/conversations/${ids.conversations}/messages`)).body.items[0]?.['status'] === 'delivered')
  const reply = await api<{ kind: string, to: unknown }>('GET', `/messages/${answer.body.messageId}`)
  t.match([reply.status, reply.body.kind, reply.body.to], [200, 'reply', null])

  await textIn(phone, 'STOP')
  await until(async () => (await api<{ optInState: string }>('GET', `/members/${ids.members}`)).body.optInState === 'opted_out')
  const next = await api<Sent>('POST', '/messages', { text: 'Potluck on Friday', to: { all: true } })
  await until(async () => (await api<Sent>('GET', `/messages/${next.body.id}`)).body.counts['delivered'] === 2)
  const reached = (await api<Items>('GET', `/messages/${next.body.id}/recipients`)).body.items.map((one) => one['phone'])
  t.strictSame(reached.filter((one) => one === phone), [])
  t.equal((await api('POST', `/conversations/${ids.conversations}/messages`, { text: 'One more' })).code, 'MEMBER_OPTED_OUT')
})

void t.test('a broadcast paused, resumed, cancelled, and tried again where it failed', async (t) => {
  const { api } = await seedOrganization(test, 'church', 'Shiloh')
  await api('POST', '/members', { firstName: 'Ada', lastName: 'Lost', phone: '+17135550667', optIn: { source: 'form' } })
  const failing = (await api<Sent>('POST', '/messages', { text: 'Taken for spam', to: { all: true } })).body
  await until(async () => (await api<Sent>('GET', `/messages/${failing.id}`)).body.counts['failed'] === 1)
  t.equal((await api('POST', `/messages/${failing.id}/pause`)).code, 'MESSAGE_STATE_CONFLICT')
  const again = await api<{ retryOf: string }>('POST', `/messages/${failing.id}/retry-failed`, {})
  t.match(again, { status: 202, body: { retryOf: failing.id } })
  t.equal((await api('POST', `/messages/${failing.id}/retry-failed`, {})).code, 'NOTHING_TO_RETRY')
  const later = (await api<Sent>('POST', '/messages', { text: 'Later', to: { all: true }, sendAt: '2050-01-01T00:00:00Z' })).body
  for (const verb of ['pause', 'resume', 'cancel']) t.equal((await api('POST', `/messages/${later.id}/${verb}`)).status, 200, verb)
})

void t.test('a dead letter read and resolved; one whose text is unknown sent once more', async (t) => {
  const { api, ids, organization, members: [ruth] } = await seedOrganization(test, 'church', 'Gilead')
  t.equal((await api('GET', `/dead-letters/${ids['dead-letters']}`)).status, 200)
  t.equal((await api('POST', `/dead-letters/${ids['dead-letters']}/resend`)).code, 'DEAD_LETTER_NOT_A_TEXT')
  t.equal((await api('POST', `/dead-letters/${ids['dead-letters']}/resolve`, { outcome: 'handled', note: 'Read' })).status, 200)
  t.equal((await api('POST', `/dead-letters/${ids['dead-letters']}/resolve`, { outcome: 'handled' })).code, 'DEAD_LETTER_CLOSED')
  await test.services.tenancy.withTenant(organization.tenantId, async (db) => {
    await db.updateTable('message_recipients').set({ status: 'unknown' }).where('member_id', '=', ruth?.id ?? '').execute()
    await sql`INSERT INTO dead_letter_queue (category, status, message_id, phone_hash, error) SELECT 'sms_send', 'pending', message_id, phone_hash, 'timeout' FROM message_recipients WHERE status = 'unknown'`.execute(db)
  })
  const [letter] = (await api<Items>('GET', '/dead-letters?status=pending&category=sms_send')).body.items
  t.equal((await api('POST', `/dead-letters/${letter?.id ?? ''}/resend`)).status, 202)
})

void t.test('members imported from a file, an import refused and cancelled, and the members exported', async (t) => {
  const { api, ids, organization } = await seedOrganization(test, 'church', 'Hebron')
  for (const path of ['/members/imports', `/members/imports/${ids['members/imports']}`]) t.equal((await api('GET', path)).status, 200, path)
  for (const url of [`/api/members/imports/${ids['members/imports']}/report`, '/api/members/export']) t.equal((await app.inject({ url, headers: organization.headers })).statusCode, 200, url)
  t.equal((await postImport(app, organization, 'name\nAda\n')).body.code, 'CSV_PHONE_COLUMN_MISSING')
  t.equal((await api('POST', `/members/imports/${ids['members/imports']}/cancel`)).code, 'IMPORT_FINISHED')
  const rows = Array.from({ length: 3_000 }, (_, index) => `+1615556${String(index).padStart(4, '0')}`)
  const { body: { id } } = await postImport(app, organization, `phone\n${rows.join('\n')}\n`)
  t.match(await api('POST', `/members/imports/${id}/cancel`), { status: 200, body: { status: 'cancelled' } })
})

void t.test('reading, changing and deleting, pages, filters, and what is refused', async (t) => {
  const { api, ids, organization } = await seedOrganization(test, 'church', 'Salem')
  const page = await api<Items>('GET', '/members?limit=1')
  t.equal((await api<Items>('GET', `/members?limit=1&cursor=${page.body.nextCursor ?? ''}`)).status, 200)
  const reads = [
    '/auth/me', '/auth/csrf-token', '/topics', '/admins', '/branches', `/branches/${ids.branches}`, '/tags', '/members?search=okafor', `/members?branchId=${ids.branches}`, '/numbers',
    '/messages', '/messages?kind=reply', `/messages/${ids.messages}/recipients?status=delivered`, `/conversations/${ids.conversations}`, '/conversations?status=closed',
    '/quiet-hours', '/recurring-messages?limit=1', `/recurring-messages/${ids['recurring-messages']}`, `/recurring-messages/${ids['recurring-messages']}/occurrences`,
    '/templates', `/templates/${ids.templates}`, '/templates?category=care&limit=1', '/segments', `/segments/${ids.segments}`, `/segments/${ids.segments}/members`
  ]
  const known = await upload(app, organization, { content: Buffer.from('BEGIN:VCARD\r\nFN:Salem House\r\nEND:VCARD\r\n') })
  t.equal(known.status, 201)
  const link = makeMediaLink(test.services.keyring, '', { tenantId: organization.tenantId, mediaId: ids.media }, new Date())
  for (const [headers, status] of [[{}, 200], [{ range: 'bytes=0-3' }, 206], [{ range: 'bytes=9999-' }, 416], [{ 'if-none-match': '*' }, 304]] as const) {
    t.equal((await app.inject({ url: link, headers })).statusCode, status)
    t.equal((await app.inject({ url: `/api/media/${ids.media}/content`, headers: { ...organization.headers, ...headers } })).statusCode, status)
  }
  t.equal((await app.inject('/media/x.y')).statusCode, 404)
  for (const path of ['/media', '/media?origin=inbound', `/media/${ids.media}`]) t.equal((await api('GET', path)).status, 200, path)
  t.equal((await api('GET', `/media/${randomUUID()}`)).code, 'MEDIA_NOT_FOUND')
  t.equal((await api('POST', '/media', {})).code, 'UPLOAD_MALFORMED')
  t.equal((await api('DELETE', `/media/${known.body.id}`)).status, 204)
  for (const path of reads) t.equal((await api('GET', path)).status, 200, path)
  for (const path of ['/settings/messaging', '/settings/phones', '/keywords', '/keywords?limit=1']) t.equal((await api('GET', path)).status, 200, path)
  const keyword = await api<{ id: string }>('POST', '/keywords', { word: 'Join us!', action: 'opt_in' })
  t.match(keyword, { status: 201, body: { word: 'JOIN US', replyText: null, tag: null } })
  t.equal((await api('DELETE', `/keywords/${keyword.body.id}`)).status, 204)
  t.equal((await api('DELETE', `/tags/${ids.tags}`)).code, 'TAG_IN_USE')
  t.equal((await api('POST', `/members/${ids.members}/consent`, { topic: 'prayer-requests', action: 'withdrawn', source: 'admin' })).status, 201)
  for (const path of ['consent', 'consent?topic=prayer-requests&limit=1']) t.equal((await api('GET', `/members/${ids.members}/${path}`)).status, 200, path)
  const recurring = `/recurring-messages/${ids['recurring-messages']}`
  const [soon] = (await api<{ nextOccurrences: Array<{ date: string }> }>('POST', '/recurring-messages/preview', { rule: 'FREQ=WEEKLY', time: '09:00' })).body.nextOccurrences
  for (const verb of ['skip', 'restore']) t.equal((await api('POST', `${recurring}/${verb}`, soon && { date: soon.date })).status, 200, verb)
  for (const verb of ['pause', 'resume']) t.equal((await api('POST', `${recurring}/${verb}`)).status, 200, verb)
  t.equal((await api('POST', `${recurring}/skip`, { date: '2000-01-01' })).code, 'OCCURRENCE_NOT_FOUND')
  const changes: Array<[string, object]> = [
    ['/settings/messaging', { welcome: { enabled: true, text: null } }], ['/settings/phones', { own: 'CA' }], [`/keywords/${ids.keywords}`, { action: 'reply', replyText: 'Salem thanks you' }],
    ['/quiet-hours', { own: { opens: '09:00', closes: '20:00' }, timeZone: 'America/Chicago' }], [recurring, { name: 'Salem monthly', rule: 'FREQ=MONTHLY;BYMONTHDAY=-1', time: '10:00' }],
    [`/branches/${ids.branches}`, { address: null, timeZone: 'America/Denver', isActive: false }], [`/tags/${ids.tags}`, { name: 'ushers' }],
    [`/members/${ids.members}`, { lastName: '', birthday: '1990-04-23', custom: { pew: 4 }, optOut: {} }], [`/conversations/${ids.conversations}`, { status: 'closed' }], [`/segments/${ids.segments}`, { name: 'Salem basses' }],
    [`/templates/${ids.templates}`, { text: 'Hi {{custom.pew|you}}', smartReplace: true }]
  ]
  for (const [path, body] of changes) t.equal((await api('PATCH', path, body)).status, 200, path)
  const refused: Array<[Parameters<typeof api>, string]> = [
    [['POST', '/keywords', { word: 'stop all', action: 'opt_in' }], 'KEYWORD_RESERVED'], [['POST', '/keywords', { word: 'SALEM serve', action: 'opt_in' }], 'KEYWORD_TAKEN'],
    [['PATCH', '/settings/messaging', { helpText: 'Call us' }], 'VALIDATION_FAILED'],
    [['POST', `/members/${ids.members}/consent`, { action: 'granted', source: 'form' }], 'MEMBER_OPTED_OUT'],
    [['GET', `/members/${randomUUID()}`], 'MEMBER_NOT_FOUND'], [['GET', '/members/1'], 'VALIDATION_FAILED'], [['GET', '/members?cursor=x'], 'CURSOR_INVALID'],
    [['POST', '/members', { firstName: 'A', lastName: 'B', phone: '12' }], 'PHONE_INVALID'], [['POST', '/members', { firstName: '', more: 1 }], 'VALIDATION_FAILED'],
    [['POST', '/branches', { name: 'Salem Campus' }], 'BRANCH_NAME_TAKEN'], [['POST', '/tags', { name: 'USHERS' }], 'TAG_NAME_TAKEN'],
    [['GET', '/numbers/available?areaCode=1'], 'AREA_CODE_INVALID'], [['POST', '/numbers', { phoneNumber: 'x' }], 'PHONE_INVALID'],
    [['POST', '/messages', { to: { all: true } }], 'VALIDATION_FAILED'], [['POST', '/messages', { text: 'x', to: { branchIds: [randomUUID()] } }], 'BRANCH_NOT_FOUND'],
    [['POST', '/messages', { text: 'x', to: { memberIds: [randomUUID()] } }], 'MEMBER_NOT_FOUND'], [['POST', '/messages', { text: 'x', to: { tags: ['none'] } }], 'TAG_NOT_FOUND'],
    [['POST', '/messages', { text: 'x'.repeat(4000), to: { all: true } }], 'TEXT_TOO_LONG'], [['GET', '/nothing'], 'ROUTE_NOT_FOUND'],
    [['POST', `/conversations/${randomUUID()}/messages`, { text: 'x' }], 'CONVERSATION_NOT_FOUND'],
    [['POST', '/segments', { name: 'salem BASSES', filter: { match: 'all', conditions: [{ field: 'lastReplied', op: 'never' }] } }], 'SEGMENT_NAME_TAKEN'],
    [['POST', '/templates', { name: 'PRAYER requests', category: 'x', text: 'x' }], 'TEMPLATE_NAME_TAKEN'], [['POST', '/templates', { name: 'x', category: 'x', text: '{{x}}' }], 'VALIDATION_FAILED']
  ]
  for (const [call, code] of refused) t.equal((await api(...call)).code, code, `${call[0]} ${call[1]}`)
  const filter = { match: 'any', conditions: [{ field: 'joined', op: 'within', days: 7 }, { field: 'custom', key: 'pew', op: 'atLeast', value: 3 }] }
  t.equal((await api('POST', '/segments/preview', { filter })).status, 200)
  t.equal((await api('POST', '/messages', { text: 'Later', to: { segmentId: ids.segments }, sendAt: new Date(Date.now() + 60_000) })).status, 202)
  t.equal((await api('DELETE', `/segments/${ids.segments}`)).code, 'SEGMENT_IN_USE')
  t.equal((await api('POST', '/messages/preview', { templateId: ids.templates, text: 'Hi {{firstName}} – {{custom.pew}}', to: { all: true, except: { tags: ['ushers'] } } })).status, 200)
  t.equal((await api('POST', '/messages', { templateId: ids.templates, to: { all: true } })).status, 202)
  t.equal((await api('DELETE', `/templates/${ids.templates}`)).status, 204)
  const spare = await api<{ id: string }>('POST', '/segments', { name: 'Spare', filter })
  t.equal((await api('DELETE', `/segments/${spare.body.id}`)).status, 204)
  for (const path of [`/tags/${ids.tags}`, `/members/${ids.members}`, `/branches/${ids.branches}`, recurring]) t.equal((await api('DELETE', path)).status, 204, path)
  const talk = `/conversations/${ids.conversations}`
  t.equal((await api('POST', `${talk}/notes`, { text: 'Ruth calls on Monday' })).status, 201)
  for (const method of ['POST', 'DELETE'] as const) t.equal((await api(method, `${talk}/messages/${ids.conversationMessages}/reactions`, { reaction: '🙏' })).status, 200)
  t.equal((await api('POST', '/conversations/bulk', { filter: { status: 'closed' }, set: { status: 'archived', assignedTo: organization.admin.id } })).status, 200)
  t.equal((await api('PATCH', talk, { snoozedUntil: '2050-01-01T00:00:00Z' })).code, 'CONVERSATION_NOT_OPEN')
  t.equal((await api('PATCH', talk, { status: 'open', snoozedUntil: '2050-01-01T00:00:00Z' })).status, 200)
  t.equal((await api('GET', '/conversations?assignedTo=me&snoozed=true&search=monday')).status, 200)
  for (const path of [`/messages/${ids.messages}/recipients`, `/conversations/${ids.conversations}`]) t.equal((await api('GET', path)).status, 200, `${path} without its member`)

  const { email, password, tenantId } = organization
  const login = async (payload: object) => await app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password, tokenDelivery: 'body', ...payload } })
  const { refreshToken } = (await login({ tenantId })).json<{ refreshToken: string }>()
  t.equal((await login({ password: 'something else' })).statusCode, 401)
  await test.signUp('studio', { email, password })
  t.equal((await login({})).json<{ code: string }>().code, 'ORGANIZATION_CHOICE_REQUIRED')
  t.equal((await login({ email: 'no mail' })).statusCode, 400)
  t.equal((await app.inject({ method: 'POST', url: '/api/auth/refresh', payload: { refreshToken } })).statusCode, 200)
  t.equal((await app.inject({ method: 'POST', url: '/api/auth/refresh' })).statusCode, 401)
  t.equal((await app.inject('/api/auth/me')).statusCode, 401)
  const stream = await listenEvents(app, organization.headers)
  t.equal((await app.inject({ url: '/api/events?types=x', headers: organization.headers })).statusCode, 400)
  t.equal((await api('POST', '/auth/logout')).status, 204)
  await stream.ended
  t.equal((await api('GET', '/auth/me')).code, 'SESSION_REVOKED')
  for (const url of ['/health/live', '/health/ready']) t.equal((await app.inject(url)).statusCode, 200)
  t.equal((await app.inject({ method: 'POST', url: '/webhooks/telnyx', payload: {} })).statusCode, 401)
})

void t.test('every answer on the way was as the document says, and every operation was called', async (t) => {
  const { faults, answered } = await compare(app)
  t.strictSame([...new Set(faults)], [])
  const operations = operationsOf((await app.inject('/openapi.json')).json<Document>())
  for (const { operationId } of operations) {
    t.ok([...answered.get(operationId) ?? []].some((status) => status < 300), `${operationId} answered well at least once`)
  }
})
