// Signing out: at once, in every process, and also while revocations cannot be heard.
import t from 'tap'
import { endSessions } from '../../../src/features/auth/end-sessions.js'
import { buildTestApp, type TestProcess } from '../../helpers/build.js'
import { type SignedUp } from '../../helpers/sign-up.js'
import { until } from '../../helpers/until.js'

const first = await buildTestApp(t)
const second = await first.anotherProcess()

const me = async ({ app }: TestProcess, { headers }: Pick<SignedUp, 'headers'>) => await app.inject({ url: '/api/auth/me', headers })
const logout = async ({ app }: TestProcess, { headers }: Pick<SignedUp, 'headers'>, payload?: Record<string, unknown>) =>
  await app.inject({ method: 'POST', url: '/api/auth/logout', headers, ...(payload === undefined ? {} : { payload }) })
const login = async ({ email, password }: SignedUp) => {
  const { accessToken } = (await first.app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password } })).json<{ accessToken: string }>()
  return { headers: { authorization: `Bearer ${accessToken}` } }
}
/** Shorter by far than a session is remembered: only a notification explains it. */
const soon = 2_000

void t.test('the access token is refused at once, the refresh token too, and cookies are cleared', async (t) => {
  const admin = await first.signUp()
  t.equal((await me(first, admin)).statusCode, 200)
  const response = await logout(first, admin)
  t.equal(response.statusCode, 204)
  t.match(response.cookies, [{ name: 'koinonia_access', value: '', path: '/' }, { name: 'koinonia_refresh', value: '', path: '/api/auth' }])
  const refused = await me(first, admin)
  t.match([refused.statusCode, refused.json()], [401, { code: 'SESSION_REVOKED' }])
  t.equal((await first.app.inject({ method: 'POST', url: '/api/auth/refresh', payload: { refreshToken: admin.refreshToken } })).statusCode, 401)
  const [entry] = await first.services.tenancy.withTenant(admin.tenantId, async (db) => await db.selectFrom('audit_log').selectAll().where('action', '=', 'auth.sign_out').execute())
  t.match(entry, { actor_id: admin.admin.id, subject_kind: 'session' })
})

void t.test('a second process that remembers the session refuses it as soon as it hears', async (t) => {
  const admin = await first.signUp()
  t.equal((await me(second, admin)).statusCode, 200)
  await logout(first, admin)
  await until(async () => (await me(second, admin)).statusCode === 401, soon)
})

void t.test('only this session ends, or all of the admin\'s when asked', async (t) => {
  const admin = await first.signUp()
  const phone = await login(admin)
  await logout(first, admin)
  t.equal((await me(first, phone)).statusCode, 200)
  const [laptop, tablet] = [await login(admin), await login(admin)]
  t.equal((await me(second, laptop)).statusCode, 200)
  await logout(first, phone, { everywhere: true })
  for (const device of [phone, laptop, tablet]) t.equal((await me(first, device)).statusCode, 401)
  await until(async () => (await me(second, laptop)).statusCode === 401, soon)
})

void t.test('an admin who is disabled is refused at once, and in a second process', async (t) => {
  const admin = await first.signUp()
  t.equal((await me(first, admin)).statusCode, 200)
  t.equal((await me(second, admin)).statusCode, 200)
  await first.services.tenancy.withTenant(admin.tenantId, async (db) => {
    await db.updateTable('admins').set({ status: 'disabled' }).execute()
    await endSessions(first.services, first.app.sessionStates, {
      db,
      tenantId: admin.tenantId,
      adminId: admin.admin.id,
      which: { adminId: admin.admin.id },
      caller: { address: null, userAgent: null, requestId: null }
    })
  })
  t.equal((await me(first, admin)).statusCode, 401)
  await until(async () => (await me(second, admin)).statusCode === 401, soon)
})

void t.test('a session of which a rotation overtook the revocation is refused all the same', async (t) => {
  const admin = await first.signUp()
  await first.services.tenancy.withTenant(admin.tenantId, async (db) => {
    const [row] = await db.selectFrom('sessions').selectAll().execute()
    if (row === undefined) throw new Error('There is no session.')
    const { id, ...rest } = row
    await db.updateTable('sessions').set({ revoked_at: new Date() }).execute()
    await db.insertInto('sessions').values({ ...rest, token_hash: Buffer.alloc(32, 1), revoked_at: null }).execute()
  })
  t.equal((await me(first, admin)).statusCode, 401)
})

void t.test('a warm request asks nothing about its session', async (t) => {
  const admin = await first.signUp()
  await me(first, admin)
  let asked = 0
  const find = first.app.sessionStates.find.bind(first.app.sessionStates)
  first.app.sessionStates.find = async (...args) => {
    asked++
    return await find(...args)
  }
  for (let request = 0; request < 5; request++) t.equal((await me(first, admin)).statusCode, 200)
  t.equal(asked, 0)
})

void t.test('a process that cannot hear trusts nothing it remembers: a revoked session is refused at once', async (t) => {
  const deaf = await first.anotherProcess()
  const admin = await first.signUp()
  t.equal((await me(deaf, admin)).statusCode, 200)
  await deaf.services.listener.close()
  t.equal((await me(deaf, admin)).statusCode, 200)
  await logout(first, admin)
  t.equal((await me(deaf, admin)).statusCode, 401)
})
