// Refresh tokens: good once, and a copied one ends everything that came of it.
import t from 'tap'
import { buildTestApp } from '../../helpers/build.js'

let now = new Date()
const { app, services, signUp } = await buildTestApp(t, { clock: { now: () => now } })

interface Tokens { accessToken: string, csrfToken: string, refreshToken: string }

const refresh = (payload?: Record<string, unknown>, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/api/auth/refresh', headers, ...(payload === undefined ? {} : { payload }) })
const me = async (accessToken: string) => (await app.inject({ url: '/api/auth/me', headers: { authorization: `Bearer ${accessToken}` } })).statusCode

void t.test('a token in the body is traded for the next, again and again, within one session', async (t) => {
  const { refreshToken, tenantId } = await signUp()
  let token = refreshToken
  for (let round = 0; round < 3; round++) {
    const response = await refresh({ refreshToken: token })
    t.equal(response.statusCode, 200)
    t.equal(response.cookies.length, 0)
    const next = response.json<Tokens>()
    t.match(next, { accessToken: String, csrfToken: String, refreshToken: new RegExp(`^${tenantId}\\.`), tenantId })
    t.not(next.refreshToken, token)
    t.equal(await me(next.accessToken), 200)
    token = next.refreshToken
  }
  const families = await services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom('sessions').select('family_id').distinct().execute())
  t.equal(families.length, 1)
})

void t.test('a browser sends the cookie and gets new ones; the token is not in the answer', async (t) => {
  const { refreshToken } = await signUp()
  const response = await refresh(undefined, { cookie: `koinonia_refresh=${refreshToken}` })
  t.equal(response.statusCode, 200)
  t.notOk('refreshToken' in response.json<object>())
  t.match(response.cookies, [{ name: 'koinonia_access', httpOnly: true }, { name: 'koinonia_refresh', httpOnly: true, path: '/api/auth' }])
  t.not(response.cookies[1]?.value, refreshToken)
})

void t.test('a token used twice ends the session: the newer one and every access token are refused', async (t) => {
  const { refreshToken, accessToken, tenantId } = await signUp()
  const next = (await refresh({ refreshToken })).json<Tokens>()
  t.equal(await me(accessToken), 200)
  const reused = await refresh({ refreshToken })
  t.match([reused.statusCode, reused.json()], [401, { code: 'REFRESH_TOKEN_INVALID' }])
  t.match((await refresh({ refreshToken: next.refreshToken })).json(), { code: 'REFRESH_TOKEN_INVALID' })
  t.strictSame([await me(accessToken), await me(next.accessToken)], [401, 401])
  const audit = await services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom('audit_log').select('action').orderBy('created_at').execute())
  t.strictSame(audit.map(({ action }) => action), ['auth.sign_up', 'auth.refresh_token_reused'], 'recorded once')
})

void t.test('of many who use one token at the same time at most one gets through, and the session ends', async (t) => {
  const { refreshToken } = await signUp()
  const responses = await Promise.all(Array.from({ length: 6 }, async () => await refresh({ refreshToken })))
  const through = responses.filter(({ statusCode }) => statusCode === 200)
  t.equal(through.length, 1)
  t.equal((await refresh({ refreshToken: through[0]?.json<Tokens>().refreshToken })).statusCode, 401)
})

void t.test('ending one session leaves the others alone', async (t) => {
  const { refreshToken, email, password } = await signUp()
  const other = (await app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password, tokenDelivery: 'body' } })).json<Tokens>()
  await refresh({ refreshToken })
  t.equal((await refresh({ refreshToken })).statusCode, 401)
  t.equal(await me(other.accessToken), 200)
  t.equal((await refresh({ refreshToken: other.refreshToken })).statusCode, 200)
})

void t.test('no token, one made up, one of an unknown organization and one that ran out are refused alike', async (t) => {
  const { refreshToken, tenantId } = await signUp()
  const made = 'A'.repeat(43)
  for (const token of [made, `${tenantId}.${made}`, `k3v9x0q2m4n6p8r1s5t7w9y2.${made}`, `'; DROP TABLE sessions; --.${made}`, '.', refreshToken.slice(0, -1)]) {
    const response = await refresh({ refreshToken: token })
    t.match([response.statusCode, response.json()], [401, { code: 'REFRESH_TOKEN_INVALID' }], token)
  }
  t.match((await refresh()).json(), { code: 'REFRESH_TOKEN_INVALID' })
  now = new Date(now.getTime() + 7 * 86_400_000)
  t.equal((await refresh({ refreshToken })).statusCode, 401, 'after seven days')
})

void t.test('a disabled admin gets no new tokens', async (t) => {
  const { refreshToken, tenantId } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => await db.updateTable('admins').set({ status: 'disabled' }).execute())
  t.equal((await refresh({ refreshToken })).statusCode, 401)
})
