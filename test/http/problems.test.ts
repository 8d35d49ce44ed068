// What is answered when a request can't be: always a problem document, never more than its reader may know.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { captureLog } from '../helpers/capture-log.js'

const captured = captureLog()
const { app, services, signUp } = await buildTestApp(t, { log: captured.log })
const { headers, tenantId } = await signUp()
const post = async (url: string, payload: string | object, more: Record<string, string> = {}) =>
  await app.inject({ method: 'POST', url, payload, headers: { ...headers, 'content-type': 'application/json', ...more } })

void t.test('every error is application/problem+json with a code, a status, a detail and the request\'s id', async (t) => {
  const response = await app.inject({ url: '/api/nothing/here' })
  t.match(response.headers, { 'content-type': /^application\/problem\+json/, 'x-request-id': /^[\da-f-]{36}$/ })
  t.strictSame(response.json(), {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    code: 'ROUTE_NOT_FOUND',
    detail: 'There is nothing at this path. The API is described at /openapi.json.',
    requestId: response.headers['x-request-id']
  })
})

void t.test('each request has an id of its own, whatever its caller calls it', async (t) => {
  const ids = await Promise.all([1, 2, 3].map(async () => (await app.inject({ url: '/health/live', headers: { 'x-request-id': 'mine', 'request-id': 'mine' } })).headers['x-request-id']))
  t.equal(new Set(ids).size, 3)
  t.notOk(ids.includes('mine'))
})

void t.test('a body that is no JSON, of another type, or too large is refused by name', async (t) => {
  t.match((await post('/api/tags', '{"name": "choi')).json(), { status: 400, code: 'BODY_MALFORMED' })
  t.match((await post('/api/tags', ' ')).json(), { status: 400, code: 'BODY_MALFORMED' })
  t.match((await post('/api/tags', '{"name":"x","__proto__":{"admin":true}}')).json(), { status: 400, code: 'BODY_MALFORMED' })
  t.match((await post('/api/tags', 'name=choir', { 'content-type': 'application/x-www-form-urlencoded' })).json(), { status: 415, code: 'CONTENT_TYPE_UNSUPPORTED' })
  t.match((await post('/api/tags', { name: 'x'.repeat(2 * 1024 * 1024) })).json(), { status: 413, code: 'BODY_TOO_LARGE' })
})

void t.test('an empty body is none, whatever its content type is called: fine where none is needed, and named where one is', async (t) => {
  const nobody = '01890a5d-ac96-774b-bcce-b302099a8057'
  for (const [verb, code] of [['pause', 'MESSAGE_NOT_FOUND'], ['resume', 'MESSAGE_NOT_FOUND'], ['cancel', 'MESSAGE_NOT_FOUND'], ['retry-failed', 'MESSAGE_NOT_FOUND']] as const) {
    for (const body of ['', '{}']) t.match((await post(`/api/messages/${nobody}/${verb}`, body)).json(), { status: 404, code }, verb)
    t.match((await app.inject({ method: 'POST', url: `/api/messages/${nobody}/${verb}`, headers })).json(), { status: 404, code }, `${verb} without a type`)
  }
  t.match((await app.inject({ method: 'DELETE', url: `/api/tags/${nobody}`, headers: { ...headers, 'content-type': 'application/json' } })).json(), { code: 'TAG_NOT_FOUND' })
  for (const url of ['/api/tags', '/api/messages', `/api/dead-letters/${nobody}/resolve`]) {
    t.match((await post(url, '')).json(), { status: 400, code: 'VALIDATION_FAILED', detail: /needs a body/, errors: [{ path: '/body', message: 'is required' }] }, url)
  }
  t.match((await post('/api/tags', 'null')).json(), { code: 'VALIDATION_FAILED', errors: [{ path: '/body', message: /object/ }] })
})

void t.test('validation names every field that is not valid, missing and unknown ones too', async (t) => {
  const body = { firstName: '', phone: 5, email: 'nobody', nickname: 'Ace', optIn: { note: 'card', when: 'now' } }
  const { errors, code } = (await post('/api/members', body)).json<{ code: string, errors: Array<{ path: string, message: string }> }>()
  t.equal(code, 'VALIDATION_FAILED')
  t.strictSame([...new Set(errors.map(({ path }) => path))].sort(), [
    '/body/email', '/body/firstName', '/body/lastName', '/body/nickname', '/body/optIn/source', '/body/optIn/when', '/body/phone'
  ])
  t.match(errors.find(({ path }) => path === '/body/nickname'), { message: 'is not a known field' })
  t.match(errors.find(({ path }) => path === '/body/lastName'), { message: 'is required' })
  t.ok(errors.every(({ message }) => message.length > 5 && !message.includes('Ace')))
})

void t.test('where several forms are allowed, only the one that was meant is talked of', async (t) => {
  const errorsOf = async (to: unknown) => (await post('/api/messages', { text: 'Hello', to: to as object })).json<{ errors: Array<{ path: string, message: string }> }>().errors
  t.match(await errorsOf({ memberIds: ['seven'] }), [{ path: '/body/to/memberIds/0', message: /uuid/ }])
  t.strictSame((await errorsOf({ memberIds: ['seven'] })).length, 1)
  t.strictSame(await errorsOf({}), [{ path: '/body/to', message: 'must have exactly one of the forms that the API describes' }])
  const login = await app.inject({ method: 'POST', url: '/api/auth/login', payload: { email: 'a@b.example', password: 'x', tokenDelivery: 'pigeon' } })
  t.match(login.json(), { errors: [{ path: '/body/tokenDelivery', message: 'must be one of cookie, body' }] })
})

void t.test('a bad id or query is named by its place', async (t) => {
  t.match((await app.inject({ url: '/api/members/seven', headers })).json(), { code: 'VALIDATION_FAILED', errors: [{ path: '/params/id' }] })
  t.match((await app.inject({ url: '/api/members?limit=many', headers })).json(), { code: 'VALIDATION_FAILED', errors: [{ path: '/query/limit' }] })
})

void t.test('text that no database can hold is the caller\'s fault', async (t) => {
  for (const name of ['a\u0000b', '\ud800']) {
    const response = await post('/api/tags', JSON.stringify({ name }))
    t.equal(response.statusCode, 400, `${JSON.stringify(name)}: ${response.body}`)
  }
})

void t.test('an address that is no path is 400, not a crash', async (t) => {
  for (const url of ['/api/members/%E0%A4%A', '/%', '/api/members/%00']) {
    const response = await app.inject({ url, headers })
    t.match(response.json(), { status: 400 }, url)
    t.match(response.headers['content-type'], /problem\+json/, url)
  }
})

void t.test('each answered request leaves one line: route, status, time, tenant; never its URL', async (t) => {
  const response = await app.inject({ url: '/api/members?search=zebulon', headers })
  const lines = captured.lines().filter((one) => one['requestId'] === response.headers['x-request-id'])
  t.match(lines.filter(({ msg }) => msg === 'answered'), [{ method: 'GET', route: '/api/members', status: 200, ms: Number, tenantId }])
  t.notMatch(captured.text(), 'zebulon')
})

void t.test('what is our fault shows nothing of itself, and is logged whole under the same id', async (t) => {
  await services.tenancy.withTenant(tenantId, async (db) => { await db.schema.dropTable('member_tags').execute() })
  const response = await app.inject({ url: '/api/tags', headers })
  t.match([response.statusCode, response.json()], [500, { code: 'INTERNAL_ERROR', requestId: response.headers['x-request-id'] }])
  t.notMatch(response.body, /member_tags|relation|42P01|stack|node_modules/)
  const line = captured.lines().find((one) => one['requestId'] === response.headers['x-request-id'] && one['level'] === 50)
  t.match(line, { msg: 'request failed', err: { code: '42P01', message: /member_tags/, stack: /\s+at / } })
})
