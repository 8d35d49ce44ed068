// What must never be in a log, sought in everything the service wrote while people signed up, texted and failed.
import { sql } from 'kysely'
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { captureLog } from '../helpers/capture-log.js'
import { seedOrganization } from '../helpers/seed-organization.js'
import { until } from '../helpers/until.js'

const captured = captureLog()
const test = await buildTestApp(t, { carrier: true, log: captured.log })
const { app, services } = test

void t.test('no phone number, text, name, e-mail, password or token is logged, at the most talkative level, in a whole journey', async (t) => {
  await test.startWorker()
  const church = await seedOrganization(test, 'church', 'Hephzibah')
  const { organization, api, ids, members: [ada], textIn } = church
  const phone = ada?.phone ?? ''
  const secrets = [...church.ownWords.filter((word) => word !== organization.tenantId), organization.password, organization.accessToken, organization.refreshToken, organization.csrfToken]
  const say = async (method: 'GET' | 'POST' | 'PATCH', url: string, payload: string | object = '', headers: Record<string, string> = {}) =>
    await app.inject({ method, url, payload, headers: { 'content-type': 'application/json', ...headers } })

  await api('POST', `/conversations/${ids.conversations}/messages`, { text: 'Hephzibah answers' })
  await textIn(phone, 'STOP')
  await until(async () => (await api<{ optInState: string }>('GET', `/members/${ids.members}`)).body.optInState === 'opted_out')
  await api('GET', `/members?search=${encodeURIComponent(phone)}`)
  await api('POST', '/members', { firstName: 'Hephzibah', lastName: 'Again', phone })
  await api('POST', '/members', { firstName: 5, email: 'Hephzibah', phone })
  await say('POST', '/api/members', `{"firstName": "Hephzibah", "phone": "${phone}`, organization.headers)
  await say('POST', '/api/auth/login', { email: organization.email, password: 'Hephzibah guesses' })
  const signedIn = await say('POST', '/api/auth/login', { email: organization.email, password: organization.password })
  const cookies = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  secrets.push(...signedIn.cookies.map(({ value }) => value))
  await say('POST', '/api/auth/refresh', '', { cookie: cookies, 'content-type': 'text/plain' })
  await say('GET', '/api/auth/me', '', { cookie: cookies })
  await say('GET', `/api/members/${encodeURIComponent(phone)}`, '', organization.headers)
  await say('POST', '/webhooks/telnyx', { data: { payload: { text: 'Hephzibah forged', from: phone } } })
  await say('GET', `/Hephzibah/${encodeURIComponent(phone)}`)

  const lines = captured.lines()
  t.ok(lines.length > 30)
  t.ok(lines.some(({ msg, tenantId, requestId, route }) => msg === 'answered' && tenantId === organization.tenantId && typeof requestId === 'string' && route === '/api/members'))
  const { JWT_SECRET, MASTER_KEY, OPERATOR_TOKEN, TELNYX_API_KEY = '' } = services.config
  const digits = [phone, church.number].map((number) => number.slice(2))
  for (const secret of [...secrets, ...digits, JWT_SECRET, MASTER_KEY, OPERATOR_TOKEN, TELNYX_API_KEY]) {
    t.strictSame(captured.text().split('\n').filter((line) => line.includes(secret)), [], `${secret.slice(0, 12)}… is in no line`)
  }
})

void t.test('a failure of ours that carries a person\'s data is logged without it', async (t) => {
  const { headers, tenantId } = await test.signUp()
  const columns = ['first_name', 'phone_hash']
  await services.tenancy.withTenant(tenantId, async (db) => {
    for (const column of columns) await db.schema.alterTable('members').addCheckConstraint(`never_${column}`, sql<boolean>`${sql.ref(column)} IS NULL`).execute()
  })
  const payload = { firstName: 'Beulah', lastName: 'Land', phone: '+16155550166', email: 'beulah@example.org' }
  const response = await app.inject({ method: 'POST', url: '/api/members', headers, payload })
  t.equal(response.statusCode, 500)
  t.match(captured.lines().find(({ msg, requestId }) => msg === 'request failed' && requestId === response.headers['x-request-id']), { err: { code: '23514', constraint: /^never_/ } })
  t.notMatch(captured.text(), /Beulah|5550166|beulah/)
})

void t.test('messages that quote what could not be read are not logged as they are', async (t) => {
  for (const make of [() => { JSON.parse('{"phone": "+16155550177"') }, () => { throw Object.assign(new Error('invalid input syntax for type date: "+16155550177"'), { code: '22P02' }) }]) {
    try {
      make()
    } catch (error) {
      services.log.error({ err: new Error('outer', { cause: error }) }, 'could not be read')
    }
  }
  t.equal(captured.lines().filter(({ msg }) => msg === 'could not be read').length, 2)
  t.notMatch(captured.text(), '5550177')
})
