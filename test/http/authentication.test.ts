// Who gets in: tokens that are wrong in any way, cookies without proof that our page sent them, pages of other sites.
import { createHmac } from 'node:crypto'
import { type AddressInfo } from 'node:net'
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { until } from '../helpers/until.js'

const { app, services, signUp } = await buildTestApp(t, { config: { CORS_ORIGINS: 'https://admin.example.org' } })
const ruth = await signUp()

const me = (headers: Record<string, string>) => app.inject({ url: '/api/auth/me', headers })
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const [, payload = ''] = ruth.accessToken.split('.')
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { tid: string, sub: string, sid: string, role: 'primary', iat: number, exp: number }
const withSecret = (header: unknown, body: unknown, secret: string, hash = 'sha256'): string => {
  const signed = `${base64(header)}.${base64(body)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

void t.test('a good token passes, in any case of the scheme', async (t) => {
  t.equal((await me({ authorization: `Bearer ${ruth.accessToken}` })).statusCode, 200)
  t.equal((await me({ authorization: `bearer ${ruth.accessToken}` })).statusCode, 200)
  t.equal((await me({ cookie: `koinonia_access=${ruth.accessToken}` })).statusCode, 200)
})

void t.test('no token, and everything that only looks like one, is refused with 401', async (t) => {
  const { JWT_SECRET: secret } = services.config
  const hs256 = { alg: 'HS256', typ: 'JWT' }
  const cases: Array<[string, Record<string, string>, string]> = [
    ['none', {}, 'AUTHENTICATION_REQUIRED'],
    ['another scheme', { authorization: `Basic ${ruth.accessToken}` }, 'AUTHENTICATION_REQUIRED'],
    ['nonsense', { authorization: 'Bearer nonsense' }, 'ACCESS_TOKEN_INVALID'],
    ['a refresh token', { authorization: `Bearer ${ruth.refreshToken}` }, 'ACCESS_TOKEN_INVALID'],
    ['alg none', { authorization: `Bearer ${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims)}.` }, 'ACCESS_TOKEN_INVALID'],
    ['alg None with the old signature', { authorization: `Bearer ${base64({ alg: 'None' })}.${payload}.${ruth.accessToken.split('.')[2] ?? ''}` }, 'ACCESS_TOKEN_INVALID'],
    ['another algorithm with our secret', { authorization: `Bearer ${withSecret({ alg: 'HS512', typ: 'JWT' }, claims, secret, 'sha512')}` }, 'ACCESS_TOKEN_INVALID'],
    ['another secret', { authorization: `Bearer ${withSecret(hs256, claims, 'another secret')}` }, 'ACCESS_TOKEN_INVALID'],
    ['one changed letter', { authorization: `Bearer ${ruth.accessToken.slice(0, -4)}AAAA` }, 'ACCESS_TOKEN_INVALID'],
    ['changed claims', { authorization: `Bearer ${[ruth.accessToken.split('.')[0], base64({ ...claims, role: 'staff' }), ruth.accessToken.split('.')[2]].join('.')}` }, 'ACCESS_TOKEN_INVALID'],
    ['expired', { authorization: `Bearer ${withSecret(hs256, { ...claims, iat: claims.iat - 1_000, exp: claims.iat - 1 }, secret)}` }, 'ACCESS_TOKEN_EXPIRED'],
    ['without an expiry', { authorization: `Bearer ${withSecret(hs256, { ...claims, exp: undefined }, secret)}` }, 'ACCESS_TOKEN_INVALID'],
    ['a tenant that is no id', { authorization: `Bearer ${withSecret(hs256, { ...claims, tid: '../etc' }, secret)}` }, 'ACCESS_TOKEN_INVALID'],
    ['an expired cookie', { cookie: `koinonia_access=${withSecret(hs256, { ...claims, iat: 1, exp: 2 }, secret)}` }, 'ACCESS_TOKEN_EXPIRED']
  ]
  for (const [name, headers, code] of cases) {
    for (const attempt of ['first', 'again']) {
      const response = await me(headers)
      t.match([response.statusCode, response.json(), response.headers['www-authenticate']], [401, { code }, 'Bearer'], `${name}, ${attempt}`)
    }
  }
})

void t.test('a token that is remembered stops being good when it expires', async (t) => {
  const token = withSecret({ alg: 'HS256', typ: 'JWT' }, { ...claims, exp: Math.floor(Date.now() / 1000) + 2 }, services.config.JWT_SECRET)
  t.equal((await me({ authorization: `Bearer ${token}` })).statusCode, 200)
  await new Promise((resolve) => setTimeout(resolve, 2_100))
  t.match((await me({ authorization: `Bearer ${token}` })).json(), { code: 'ACCESS_TOKEN_EXPIRED' })
})

void t.test('a signed token of a tenant, an admin or a session that does not exist opens nothing', async (t) => {
  const other = await signUp()
  const sign = (changes: Partial<typeof claims>) => ({ authorization: `Bearer ${app.jwt.sign({ tid: claims.tid, sub: claims.sub, sid: claims.sid, role: 'primary', ...changes })}` })
  t.match((await me(sign({ tid: 'k3v9x0q2m4n6p8r1s5t7w9y2' }))).json(), { status: 404, code: 'TENANT_NOT_FOUND' })
  t.match((await me(sign({ tid: other.tenantId }))).json(), { status: 401, code: 'SESSION_REVOKED' })
  t.match((await me(sign({ sub: other.admin.id }))).json(), { status: 401, code: 'SESSION_REVOKED' })
  t.match((await me(sign({ sid: other.admin.id }))).json(), { status: 401, code: 'SESSION_REVOKED' })
})

void t.test('a suspended organization\'s token is refused, and works again when it is resumed', async (t) => {
  const { tenantId, headers } = await signUp()
  t.equal((await me(headers)).statusCode, 200)
  await services.provisioner.suspend(tenantId)
  t.match(await until(async () => await me(headers).then((response) => response.statusCode === 403 && response)), { body: /TENANT_SUSPENDED/ })
  await services.provisioner.resume(tenantId)
  t.ok(await until(async () => (await me(headers)).statusCode === 200))
})

void t.test('the role is the database\'s, not the token\'s', async (t) => {
  const { tenantId, headers } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => await db.updateTable('admins').set({ role: 'staff' }).execute())
  t.match((await me(headers)).json(), { admin: { role: 'staff' } })
})

void t.test('cookie callers need the CSRF token of their own session for what is not a GET; bearer callers need none', async (t) => {
  const { accessToken, csrfToken, headers } = await signUp()
  const other = await signUp()
  const cookie = `koinonia_access=${accessToken}`
  const logout = (given: Record<string, string>) => app.inject({ method: 'POST', url: '/api/auth/logout', headers: given })
  for (const given of [{}, { 'x-csrf-token': '' }, { 'x-csrf-token': 'made up' }, { 'x-csrf-token': other.csrfToken }]) {
    const response = await logout({ cookie, ...given })
    t.match([response.statusCode, response.json()], [403, { code: 'CSRF_TOKEN_INVALID' }])
  }
  const asked = await app.inject({ url: '/api/auth/csrf-token', headers: { cookie } })
  t.strictSame(asked.json(), { csrfToken })
  t.equal((await logout({ cookie, 'x-csrf-token': csrfToken })).statusCode, 204)
  t.equal((await logout(headers)).statusCode, 401, 'signed out')
  t.equal((await logout(other.headers)).statusCode, 204, 'by bearer')
})

void t.test('pages of other sites cannot sign a visitor in, up or out; our own, those allowed, and programs can', async (t) => {
  const login = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/api/auth/login', headers: { host: 'koinonia.example.org', ...headers }, payload: { email: ruth.email, password: ruth.password } })
  for (const origin of ['https://evil.example.org', 'https://koinonia.example.org.evil.example', 'null', 'https://koinonia.example.org:444']) {
    const response = await login({ origin })
    t.match([response.statusCode, response.json()], [403, { code: 'ORIGIN_NOT_ALLOWED' }], origin)
  }
  for (const origin of ['https://koinonia.example.org', 'https://admin.example.org', services.config.PUBLIC_URL ?? '']) {
    t.equal((await login({ origin })).statusCode, 200, origin)
  }
  t.equal((await login({})).statusCode, 200, 'no origin')
  const form = await app.inject({ method: 'POST', url: '/api/auth/login', headers: { 'content-type': 'text/plain' }, payload: JSON.stringify({ email: ruth.email, password: ruth.password }) })
  t.ok([400, 415].includes(form.statusCode), 'what a form can send is not read')
})

void t.test('over a real connection: sign in with cookies, then use them', async (t) => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const signedIn = await fetch(`${base}/api/auth/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: ruth.email, password: ruth.password })
  })
  const cookie = signedIn.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  t.equal((await fetch(`${base}/api/auth/me`, { headers: { cookie } })).status, 200)
  const refreshed = await fetch(`${base}/api/auth/refresh`, { method: 'POST', headers: { cookie } })
  t.equal(refreshed.status, 200)
})
