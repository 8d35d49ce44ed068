// Which pages of other sites may call the API with cookies: those of CORS_ORIGINS, with every method, and no other.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'

const ours = 'https://desk.example'
const { app, signUp } = await buildTestApp(t, { config: { CORS_ORIGINS: `${ours}, https://second.example` } })
const { headers } = await signUp()
const preflight = async (origin: string, method: string) => await app.inject({
  method: 'OPTIONS', url: '/api/members/0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70', headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'x-csrf-token,idempotency-key' }
})

void t.test('a page of an allowed origin may call every method with cookies, and read what it needs to go on', async (t) => {
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
    const answer = await preflight(ours, method)
    t.equal(answer.statusCode, 204)
    t.match(answer.headers, { 'access-control-allow-origin': ours, 'access-control-allow-credentials': 'true', 'access-control-allow-headers': /x-csrf-token/i })
    t.match(answer.headers['access-control-allow-methods'], method)
  }
  const answer = await app.inject({ url: '/api/members', headers: { ...headers, origin: ours } })
  t.match(answer.headers, { 'access-control-allow-origin': ours, 'access-control-allow-credentials': 'true', vary: /Origin/i })
  for (const name of ['X-Request-Id', 'Retry-After', 'RateLimit-Remaining', 'Idempotency-Replayed']) t.match(answer.headers['access-control-expose-headers'], name)
})

void t.test('problems can be read by it too', async (t) => {
  for (const url of ['/api/members', '/nowhere']) t.match((await app.inject({ url, headers: { origin: ours } })).headers, { 'access-control-allow-origin': ours }, url)
})

void t.test('a page of any other origin may not', async (t) => {
  for (const origin of ['https://elsewhere.example', 'https://desk.example.evil.example', 'http://desk.example', 'null']) {
    t.equal((await preflight(origin, 'PATCH')).headers['access-control-allow-origin'], undefined, origin)
    t.equal((await app.inject({ url: '/api/members', headers: { ...headers, origin } })).headers['access-control-allow-origin'], undefined, origin)
  }
})
