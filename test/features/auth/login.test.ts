// Signing in: several organizations behind one e-mail, and nothing that tells a stranger which e-mails are known.
import t from 'tap'
import { emailHash } from '../../../src/crypto/email-hash.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp } from '../../helpers/build.js'

const { app, services, registry, signUp } = await buildTestApp(t, { config: { LOGIN_ATTEMPTS: 1_000 } })

const login = (payload: Record<string, unknown>, headers: Record<string, string> = {}) => app.inject({ method: 'POST', url: '/api/auth/login', payload, headers })

/** As an accepted invitation would leave it. */
async function addAdmin (tenantId: TenantId, email: string, password: string, status: 'active' | 'invited' | 'disabled' = 'active'): Promise<string> {
  const passwordHash = await services.passwords.hash(password)
  const { id } = await services.tenancy.withTenant(tenantId, async (db) => await db.insertInto('admins')
    .values({ email, password_hash: passwordHash, first_name: 'Naomi', last_name: 'Miller', role: 'co_admin', status }).returning('id').executeTakeFirstOrThrow())
  await services.registry.insertInto('admin_email_index').values({ email_hash: emailHash(services.keyring, email), tenant_id: tenantId, admin_id: id }).execute()
  return id
}

void t.test('the right password signs in: the same answer as signing up, a new session, an audit entry', async (t) => {
  const { tenantId, email, password, admin, organization, trialEndsAt } = await signUp()
  const response = await login({ email: ` ${email.toUpperCase()}`.trim(), password })
  t.equal(response.statusCode, 200)
  t.match(response.json(), { accessToken: String, csrfToken: String, tenantId, admin, organization, trialEndsAt })
  t.strictSame(response.cookies.map(({ name }) => name), ['koinonia_access', 'koinonia_refresh'])
  const me = await app.inject({ url: '/api/auth/me', headers: { authorization: `Bearer ${response.json<{ accessToken: string }>().accessToken}` } })
  t.equal(me.statusCode, 200)
  await services.tenancy.withTenant(tenantId, async (db) => {
    const actions = await db.selectFrom('audit_log').select('action').orderBy('created_at').execute()
    t.strictSame(actions.map(({ action }) => action), ['auth.sign_up', 'auth.sign_in'])
    t.equal((await db.selectFrom('sessions').select('family_id').distinct().execute()).length, 2)
  })
})

void t.test('the same password typed on another keyboard, with other code points for the same letters, is the same', async (t) => {
  const { email } = await signUp('church', { password: 'caf\u00e9 au lait \u2460' })
  t.equal((await login({ email, password: 'cafe\u0301 au lait 1' })).statusCode, 200)
})

void t.test('a co-admin signs in to the same organization with an e-mail of her own', async (t) => {
  const { tenantId, email } = await signUp()
  await addAdmin(tenantId, `naomi.${email}`, 'pleasant is my name')
  const response = await login({ email: `naomi.${email}`, password: 'pleasant is my name' })
  t.match([response.statusCode, response.json()], [200, { tenantId, admin: { role: 'co_admin', firstName: 'Naomi' } }])
})

void t.test('an e-mail of several organizations: the password decides, and a choice is asked for only when several fit', async (t) => {
  const church = await signUp('church')
  const { email, password } = church
  const studio = await signUp('studio', { email, password })
  const other = await signUp('studio', { email, password: 'another one for this' })

  const choice = await login({ email, password })
  t.match([choice.statusCode, choice.json()], [409, {
    code: 'ORGANIZATION_CHOICE_REQUIRED',
    organizations: [
      { tenantId: church.tenantId, name: church.organization.name, kind: 'church' },
      { tenantId: studio.tenantId, name: studio.organization.name, kind: 'studio' }
    ]
  }])
  t.equal(choice.json<{ organizations: unknown[] }>().organizations.length, 2, 'the third has another password')
  t.equal(choice.cookies.length, 0)
  t.match((await login({ email, password, tenantId: studio.tenantId })).json(), { tenantId: studio.tenantId })
  t.match((await login({ email, password: 'another one for this' })).json(), { tenantId: other.tenantId })
  t.match((await login({ email, password, tenantId: other.tenantId })).json(), { code: 'CREDENTIALS_INVALID' })
  t.match((await login({ email, password, tenantId: 'k3v9x0q2m4n6p8r1s5t7w9y2' })).json(), { code: 'CREDENTIALS_INVALID' })
})

void t.test('a suspended organization does not hide the others; alone it is named, but only to whoever knows the password', async (t) => {
  const first = await signUp()
  const { email, password } = first
  const second = await signUp('studio', { email, password })
  await services.provisioner.suspend(first.tenantId)
  t.match((await login({ email, password })).json(), { tenantId: second.tenantId })
  const named = await login({ email, password, tenantId: first.tenantId })
  t.match([named.statusCode, named.json()], [403, { code: 'TENANT_SUSPENDED' }])
  t.match((await login({ email, password: 'not this one', tenantId: first.tenantId })).json(), { code: 'CREDENTIALS_INVALID' })
  await services.provisioner.resume(first.tenantId)
  t.equal((await login({ email, password, tenantId: first.tenantId })).statusCode, 200)
})

void t.test('an organization out of reach does not keep anyone from the others; alone, it is the answer', async (t) => {
  const first = await signUp()
  const { email, password } = first
  const second = await signUp('studio', { email, password })
  await services.tenancy.drain(first.tenantId)
  await registry.query(`ALTER ROLE tenant_${first.tenantId} NOLOGIN`)
  t.match((await login({ email, password })).json(), { tenantId: second.tenantId })
  t.match((await login({ email, password, tenantId: first.tenantId })).json(), { code: 'DATABASE_UNAVAILABLE' })
})

void t.test('invited and disabled admins do not sign in, whatever the password', async (t) => {
  const { tenantId, email } = await signUp()
  for (const status of ['invited', 'disabled'] as const) {
    await addAdmin(tenantId, `${status}.${email}`, 'pleasant is my name', status)
    t.match((await login({ email: `${status}.${email}`, password: 'pleasant is my name' })).json(), { code: 'CREDENTIALS_INVALID' }, status)
  }
})

void t.test('an unknown e-mail and a wrong password get the same answer in the same time', async (t) => {
  const { email } = await signUp()
  const ask = async (asked: string) => {
    const start = performance.now()
    const response = await login({ email: asked, password: 'not this one' })
    const { requestId, ...answer } = response.json<{ requestId: string }>()
    return { answer, status: response.statusCode, headers: Object.keys(response.headers), beats: Math.round((performance.now() - start) / 250) }
  }
  await ask(email)
  t.strictSame(await ask(email), await ask('nobody@example.org'))
})

void t.test('what older sign-ins left behind is cleared by the next one, families as a whole', async (t) => {
  const { tenantId, email, password, admin } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => {
    await db.updateTable('sessions').set({ expires_at: new Date(Date.now() - 1_000) }).execute()
  })
  await login({ email, password })
  const sessions = await services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom('sessions').select(['admin_id', 'expires_at']).execute())
  t.equal(sessions.length, 1)
  t.match(sessions, [{ admin_id: admin.id }])
})
