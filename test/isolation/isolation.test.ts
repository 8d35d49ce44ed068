// No organization reaches another through the API: every route of the production application, as it registered it.
import { createHmac } from 'node:crypto'
import { type RouteOptions } from 'fastify'
import t from 'tap'
import { newestEventId } from '../../src/features/events/queries.js'
import { type AccessClaims } from '../../src/http/authentication.js'
import { buildTestApp } from '../helpers/build.js'
import { listenEvents } from '../helpers/listen-events.js'
import { seedOrganization } from '../helpers/seed-organization.js'
import { until } from '../helpers/until.js'
import { buildRequest } from './build-request.js'
import { checksumDatabase } from './checksum-database.js'
import { recordRoutes } from './route-table.js'

/** Open to everyone under /api; whoever adds a route here says why. */
const publicRoutes = [
  'POST /api/auth/register', // makes the first token
  'POST /api/auth/login', // gives one for a password
  'POST /api/auth/refresh' // gives one for a refresh token
]

/** Their answers have no end; each has a test of its own below. */
const streamRoutes = ['GET /api/events']

const { built: test, routes } = await recordRoutes(async () => await buildTestApp(t, { carrier: true }))
const { app, services } = test
const worker = await test.startWorker()
const mine = await seedOrganization(test, 'church', 'Hephzibah')
const theirs = await seedOrganization(test, 'studio', 'Zarephath')
await until(async () => (await checksums())['message_queue']?.startsWith('0 ') === true)
// Nothing but the requests below may change what is compared.
await worker.stop()
const before = await checksums()

const named = (route: RouteOptions): string => `${String(route.method)} ${route.url}`
const apiRoutes = routes.filter(({ url }) => url.startsWith('/api'))
const tenantRoutes = apiRoutes.filter((route) => !publicRoutes.includes(named(route)))
const withId = tenantRoutes.filter(({ url }) => url.includes(':'))

function checksums (): Promise<Record<string, string>> {
  return services.tenancy.withTenant(theirs.organization.tenantId, checksumDatabase)
}

function findTheirWords (body: string): string[] {
  return [...theirs.ownWords, ...Object.values(theirs.ids), ...theirs.members.map(({ id }) => id)].filter((word) => body.includes(word))
}

void t.test('every route under /api answers 401 without a token, but those that give one', async (t) => {
  t.strictSame(publicRoutes.filter((name) => !apiRoutes.some((route) => named(route) === name)), [], 'each exception is still a route')
  t.ok(tenantRoutes.length > 20)
  for (const route of tenantRoutes) {
    for (const headers of [{}, { authorization: 'Bearer x.y.z' }]) {
      const request = buildRequest(route, theirs.ids)
      const response = await app.inject({ ...request, headers: { ...request.headers, ...headers } })
      t.equal(response.statusCode, 401, named(route))
      if (route.method !== 'HEAD') t.match(response.json(), { code: 'authorization' in headers ? 'ACCESS_TOKEN_INVALID' : 'AUTHENTICATION_REQUIRED' })
    }
  }
})

void t.test('every route with an id answers 404 to another organization\'s id, whatever the method', async (t) => {
  t.ok(withId.length > 10)
  for (const route of withId) {
    const request = buildRequest(route, theirs.ids)
    const response = await app.inject({ ...request, headers: { ...request.headers, ...mine.organization.headers } })
    t.equal(response.statusCode, 404, `${named(route)}: ${response.body}`)
    if (route.method !== 'HEAD') t.match(response.json(), { code: /^(?!ROUTE|TENANT)[A-Z_]+_NOT_FOUND$/ }, named(route))
    t.strictSame(findTheirWords(response.body), [])
  }
})

void t.test('the same requests with one\'s own ids are let in, so that the 404 says something', async (t) => {
  for (const route of withId.filter(({ method }) => method === 'GET')) {
    const response = await app.inject({ ...buildRequest(route, mine.ids), headers: mine.organization.headers })
    t.equal(response.statusCode, 200, named(route))
  }
})

void t.test('another organization\'s ids inside a body are refused, and nothing is made or changed', async (t) => {
  const own = await services.tenancy.withTenant(mine.organization.tenantId, checksumDatabase)
  const person = { firstName: 'Ada', lastName: 'Okafor', phone: '+16155550177' }
  const refused: Array<['POST' | 'PATCH', string, object, string]> = [
    ['POST', '/members', { ...person, branchIds: [theirs.ids.branches] }, 'BRANCH_NOT_FOUND'],
    ['POST', '/members', { ...person, branchIds: [mine.ids.branches, theirs.ids.branches] }, 'BRANCH_NOT_FOUND'],
    ['PATCH', `/members/${mine.ids.members}`, { branchIds: [theirs.ids.branches] }, 'BRANCH_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { memberIds: [theirs.ids.members] } }, 'MEMBER_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { memberIds: [mine.ids.members, theirs.ids.members] } }, 'MEMBER_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { branchIds: [theirs.ids.branches] } }, 'BRANCH_NOT_FOUND'],
    ['POST', '/messages', { mediaIds: [theirs.ids.media], to: { all: true } }, 'MEDIA_NOT_FOUND'],
    ['POST', `/conversations/${mine.ids.conversations}/messages`, { mediaIds: [mine.ids.media, theirs.ids.media] }, 'MEDIA_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { tags: ['Zarephath choir'] } }, 'TAG_NOT_FOUND'],
    ['POST', '/conversations/bulk', { ids: [mine.ids.conversations, theirs.ids.conversations], set: { status: 'closed' } }, 'CONVERSATION_NOT_FOUND'],
    ['POST', '/conversations/bulk', { filter: { status: 'open' }, set: { assignedTo: theirs.organization.admin.id } }, 'ADMIN_NOT_FOUND'],
    ['PATCH', `/conversations/${mine.ids.conversations}`, { assignedTo: theirs.organization.admin.id }, 'ADMIN_NOT_FOUND'],
    ['POST', `/conversations/${mine.ids.conversations}/messages/${theirs.ids.conversationMessages}/reactions`, { reaction: '👍' }, 'CONVERSATION_MESSAGE_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { segmentId: theirs.ids.segments } }, 'SEGMENT_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { all: true, except: { segmentIds: [theirs.ids.segments] } } }, 'SEGMENT_NOT_FOUND'],
    ['POST', '/messages', { text: 'Hello', to: { all: true, except: { memberIds: [theirs.ids.members] } } }, 'MEMBER_NOT_FOUND'],
    ['POST', '/messages', { templateId: theirs.ids.templates, to: { all: true } }, 'TEMPLATE_NOT_FOUND'],
    ['POST', '/segments', { name: 'x', filter: { match: 'all', conditions: [{ field: 'branches', op: 'any', values: [theirs.ids.branches] }] } }, 'BRANCH_NOT_FOUND'],
    ['PATCH', `/segments/${mine.ids.segments}`, { filter: { match: 'all', conditions: [{ field: 'tags', op: 'any', values: ['Zarephath choir'] }] } }, 'TAG_NOT_FOUND']
  ]
  for (const [method, path, body, code] of refused) {
    const answer = await mine.api(method, path, body)
    t.match([answer.status, answer.code], [404, code], `${method} ${path} ${JSON.stringify(body)}`)
  }
  t.strictSame(await services.tenancy.withTenant(mine.organization.tenantId, checksumDatabase), own)
})

void t.test('a number that another organization has can\'t be bought', async (t) => {
  t.match(await mine.api('POST', '/numbers', { phoneNumber: theirs.number }), { status: 409, code: 'NUMBER_TAKEN' })
})

void t.test('no list and no read shows anything of another organization, whatever is asked for', async (t) => {
  const reads = tenantRoutes.filter((route) => route.method === 'GET' && !streamRoutes.includes(named(route)))
  for (const route of reads) {
    const { url } = buildRequest(route, mine.ids)
    const response = await app.inject({ url, headers: mine.organization.headers })
    t.equal(response.statusCode, 200, `${named(route)}: ${response.body}`)
    t.strictSame(findTheirWords(response.body), [], named(route))
  }
  const phone = encodeURIComponent(theirs.members[0]?.phone ?? '')
  const searches = [
    '/members?search=zarephath', `/members?search=${phone}`, `/members?branchId=${theirs.ids.branches}`, '/members?tag=Zarephath%20choir',
    '/conversations?search=zarephath', `/conversations?search=${phone}`
  ]
  for (const path of searches) t.match(await mine.api('GET', path), { status: 200, body: { items: [] } }, path)
})

void t.test('a cursor of another organization is refused', async (t) => {
  const { body } = await theirs.api<{ nextCursor: string }>('GET', '/members?limit=1')
  t.type(body.nextCursor, 'string')
  t.match(await mine.api('GET', `/members?limit=1&cursor=${body.nextCursor}`), { status: 400, code: 'CURSOR_INVALID' })
})

void t.test('an Idempotency-Key is its organization\'s own: the other one\'s answer never comes back', async (t) => {
  const post = async ({ organization }: typeof mine, name: string) => await app.inject({
    method: 'POST', url: '/api/tags', payload: { name }, headers: { ...organization.headers, 'idempotency-key': 'shared' }
  })
  const third = await test.signUp()
  const first = await app.inject({ method: 'POST', url: '/api/tags', payload: { name: 'ushers' }, headers: { ...third.headers, 'idempotency-key': 'shared' } })
  const second = await post(mine, 'ushers')
  t.match([first.statusCode, second.statusCode, second.headers['idempotency-replayed']], [201, 201, undefined])
  t.not(first.json<{ id: string }>().id, second.json<{ id: string }>().id)
})

void t.test('a token that names another organization is refused: with its signature, with none, and signed by a stranger', async (t) => {
  const [head = '', body = '', signature = ''] = mine.organization.accessToken.split('.')
  const claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString()) as object, tid: theirs.organization.tenantId }
  const swapped = Buffer.from(JSON.stringify(claims)).toString('base64url')
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url')
  const forged = createHmac('sha256', 'a guess').update(`${head}.${swapped}`).digest('base64url')
  for (const token of [`${head}.${swapped}.${signature}`, `${none}.${swapped}.`, `${head}.${swapped}.`, `${head}.${swapped}.${forged}`]) {
    const response = await app.inject({ url: '/api/members', headers: { authorization: `Bearer ${token}` } })
    t.match([response.statusCode, response.json()], [401, { code: 'ACCESS_TOKEN_INVALID' }])
  }
})

void t.test('even a well-signed token of one organization\'s admin opens no other organization', async (t) => {
  const { sub, sid, role } = app.jwt.verify<AccessClaims>(mine.organization.accessToken)
  const token = app.jwt.sign({ tid: theirs.organization.tenantId, sub, sid, role })
  for (const url of ['/api/members', '/api/auth/me', `/api/members/${theirs.ids.members}`]) {
    const response = await app.inject({ url, headers: { authorization: `Bearer ${token}` } })
    t.match([response.statusCode, response.json()], [401, { code: 'SESSION_REVOKED' }], url)
  }
})

void t.test('after all of this the other organization\'s database is bit for bit what it was', async (t) => {
  t.strictSame(await checksums(), before)
})

void t.test('who listens to events hears nothing of another organization, live or from any place in its past', async (t) => {
  t.strictSame(streamRoutes.filter((name) => !tenantRoutes.some((route) => named(route) === name)), [], 'each is still a route')
  const { tenantId } = theirs.organization
  const newest = await services.tenancy.withTenant(tenantId, newestEventId)
  t.ok(newest > 0, 'things have happened there')
  const places = [undefined, '0', String(newest - 1), String(newest)]
  const streams = await Promise.all(places.map(async (place) => await listenEvents(app, { ...mine.organization.headers, ...(place === undefined ? {} : { 'last-event-id': place }) })))
  const listening = await listenEvents(app, theirs.organization.headers)
  for (const organization of [theirs, mine]) t.equal((await organization.api('POST', `/conversations/${organization.ids.conversations}/read`)).status, 200)
  for (const { heard } of [...streams, listening]) await until(async () => heard.some(({ event }) => event === 'conversation.changed'))
  for (const stream of streams) {
    t.strictSame(findTheirWords(stream.text()), [])
    stream.close()
  }
  t.match(listening.heard, [{ data: { conversationId: theirs.ids.conversations } }], 'the one whose it is hears it')
  listening.close()
})

void t.test('a suspended organization is refused on every route, and only that one', async (t) => {
  await services.provisioner.suspend(theirs.organization.tenantId)
  await until(async () => (await theirs.api('GET', '/auth/me')).status === 403)
  for (const route of tenantRoutes) {
    const request = buildRequest(route, theirs.ids)
    const response = await app.inject({ ...request, headers: { ...request.headers, ...theirs.organization.headers } })
    t.equal(response.statusCode, 403, `${named(route)}: ${response.body}`)
    if (route.method !== 'HEAD') t.match(response.json(), { code: 'TENANT_SUSPENDED' })
  }
  t.equal((await mine.api('GET', '/members')).status, 200)
  await services.provisioner.resume(theirs.organization.tenantId)
  await until(async () => (await theirs.api('GET', '/members')).status === 200)
})
