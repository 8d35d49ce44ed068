// How many requests a signed-in caller may make, and what each answer says of it.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'

const { app, signUp } = await buildTestApp(t, { config: { RATE_LIMIT_PER_MINUTE: 6 } })

void t.test('every answer to a signed-in caller counts once and says how many are left; the one too many is a problem with Retry-After', async (t) => {
  const { headers } = await signUp()
  const call = async (url: string, method: 'GET' | 'POST' = 'GET', payload?: object) => await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
  const answers = [
    await call('/api/members'), await call('/api/auth/me'), await call('/api/members/seven'), await call('/api/tags', 'POST', {}),
    await call('/api/tags', 'POST', { name: 'choir' }), await call('/api/members/0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70')
  ]
  t.strictSame(answers.map(({ statusCode }) => statusCode), [200, 200, 400, 400, 201, 404])
  t.strictSame(answers.map(({ headers }) => Number(headers['ratelimit-remaining'])), [5, 4, 3, 2, 1, 0])
  for (const { headers } of answers) t.match(headers, { 'ratelimit-limit': '6', 'ratelimit-reset': /^\d+$/ })
  const refused = await call('/api/members')
  t.match(refused.json(), { status: 429, code: 'RATE_LIMITED', title: 'Too Many Requests' })
  t.match(refused.headers, { 'content-type': /problem\+json/, 'ratelimit-remaining': '0', 'retry-after': /^\d+$/ })
  const wait = Number(refused.headers['retry-after'])
  t.ok(wait > 0 && wait <= 60)
})

void t.test('others are not counted with them, nor is what is open to everyone', async (t) => {
  const { headers } = await signUp()
  t.equal((await app.inject({ url: '/api/members', headers })).headers['ratelimit-remaining'], '5')
  for (let n = 0; n < 10; n++) {
    const live = await app.inject('/health/live')
    t.match([live.statusCode, live.headers['ratelimit-limit']], [200, undefined])
  }
})

void t.test('a request without a valid token uses up nobody\'s allowance', async (t) => {
  const { headers } = await signUp()
  for (let n = 0; n < 10; n++) t.equal((await app.inject({ url: '/api/members', headers: { authorization: `${headers.authorization}x` } })).statusCode, 401)
  t.equal((await app.inject({ url: '/api/members', headers })).headers['ratelimit-remaining'], '5')
})
