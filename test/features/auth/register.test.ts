// Signing up: what is answered, what is made, and that a failure leaves nothing.
import { sql } from 'kysely'
import t from 'tap'
import { Type } from 'typebox'
import { refillSpares } from '../../../src/features/auth/refill-spares.js'
import { JobQueue } from '../../../src/jobs/job-queue.js'
import { type Reservation } from '../../../src/tenancy/provisioner.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

const { app, services, registry, signUp, startWorker } = await buildTestApp(t, { spares: 1 })

const grace = { email: 'ruth@example.org', password: 'barley and wheat', firstName: 'Ruth', lastName: 'Miller', churchName: 'Grace Church' }
const post = (payload: Record<string, unknown>, headers: Record<string, string> = {}) => app.inject({ method: 'POST', url: '/api/auth/register', payload, headers })

void t.test('a church signs up: 201 with tokens, admin and organization, and HttpOnly cookies', async (t) => {
  const response = await post(grace)
  t.equal(response.statusCode, 201, 'is made')
  const body = response.json<Record<string, unknown>>()
  t.match(body, {
    accessToken: String,
    csrfToken: String,
    expiresIn: 900,
    tenantId: String,
    trialEndsAt: String,
    admin: { id: String, email: 'ruth@example.org', firstName: 'Ruth', lastName: 'Miller', role: 'primary' },
    organization: { id: String, kind: 'church', name: 'Grace Church', timeZone: 'America/New_York' }
  })
  t.notOk('refreshToken' in body)
  t.notMatch(response.body, /argon2|hash/i)
  t.match(response.cookies, [
    { name: 'koinonia_access', httpOnly: true, sameSite: 'Lax', path: '/', maxAge: 900 },
    { name: 'koinonia_refresh', httpOnly: true, sameSite: 'Lax', path: '/api/auth', maxAge: 604_800 }
  ])
  const trialDays = (Date.parse(String(body['trialEndsAt'])) - Date.now()) / 86_400_000
  t.ok(trialDays > 13.9 && trialDays <= 14)
  const me = await app.inject({ url: '/api/auth/me', headers: { authorization: `Bearer ${String(body['accessToken'])}` } })
  t.equal(me.statusCode, 200)
  t.match(me.json(), { admin: body['admin'], organization: body['organization'], tenantId: body['tenantId'] })
})

void t.test('a studio signs up with its time zone; a caller that asks gets the refresh token in the body and no cookies', async (t) => {
  const { churchName, ...person } = grace
  const response = await post({ ...person, studioName: 'Riverside Fitness', timeZone: 'America/Denver', tokenDelivery: 'body' })
  t.equal(response.statusCode, 201)
  t.match(response.json(), { organization: { kind: 'studio', name: 'Riverside Fitness', timeZone: 'America/Denver' }, refreshToken: /^[a-z0-9]+\.[\w-]{43}$/ })
  t.equal(response.cookies.length, 0)
})

void t.test('the admin, the session and the audit entry are in the tenant\'s database, the e-mail only as a hash in the registry\'s index', async (t) => {
  const { tenantId, admin, email, refreshToken } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => {
    t.match(await db.selectFrom('admins').selectAll().execute(), [{ id: admin.id, role: 'primary', status: 'active', password_hash: /^\$argon2id\$/, email }])
    t.match(await db.selectFrom('audit_log').selectAll().execute(), [{ action: 'auth.sign_up', actor_id: admin.id, request_id: String }])
    const sessions = await db.selectFrom('sessions').selectAll().execute()
    t.equal(sessions.length, 1)
    t.notMatch(JSON.stringify(sessions), refreshToken)
  })
  t.match(await registry.query('SELECT admin_id, length(email_hash) AS bytes FROM admin_email_index WHERE tenant_id = $1', [tenantId]), [{ admin_id: admin.id, bytes: 32 }])
})

void t.test('what is not valid is named field by field, and nothing is made', async (t) => {
  const before = await registry.query('SELECT count(*) FROM organizations')
  const { churchName, ...nameless } = grace
  const cases: Array<[Record<string, unknown>, string]> = [
    [{ ...grace, email: 'not an e-mail' }, '/body/email'],
    [{ ...grace, password: 'short' }, '/body/password'],
    [{ ...grace, password: 'x'.repeat(201) }, '/body/password'],
    [{ ...grace, password: 'Password1234!' }, '/body/password'],
    [{ ...grace, password: '1234567890' }, '/body/password'],
    [{ ...grace, password: 'aaaaaaaaaabb' }, '/body/password'],
    [{ ...grace, password: 'ruth@example.org' }, '/body/password'],
    [{ ...grace, password: 'Grace Church 1' }, '/body/password'],
    [{ ...grace, firstName: '   ' }, '/body/firstName'],
    [{ ...grace, timeZone: 'Mars/Olympus' }, '/body/timeZone'],
    [{ ...grace, studioName: 'Both' }, '/body/churchName'],
    [{ ...grace, role: 'staff' }, '/body/role'],
    [nameless, '/body/churchName']
  ]
  for (const [payload, path] of cases) {
    const response = await post(payload)
    t.match([response.statusCode, response.json()], [400, { code: 'VALIDATION_FAILED', errors: [{ path, message: String }] }], path)
  }
  t.strictSame(await registry.query('SELECT count(*) FROM organizations'), before)
})

void t.test('ten sign-ups at once, more than there are spares: ten organizations, each with a database of its own', async (t) => {
  const signedUp = await Promise.all(Array.from({ length: 10 }, async (_, index) => await signUp(index % 2 === 0 ? 'church' : 'studio')))
  t.equal(new Set(signedUp.map(({ tenantId }) => tenantId)).size, 10)
  const databases = await Promise.all(signedUp.map(async ({ tenantId, email }) => await services.tenancy.withTenant(tenantId, async (db, tenant) => {
    t.match(await db.selectFrom('admins').select('email').execute(), [{ email }])
    return tenant.databaseName
  })))
  t.equal(new Set(databases).size, 10)
})

void t.test('wherever a sign-up fails, nothing of it is left', async (t) => {
  const { provisioner, passwords } = services
  let reserved: Reservation | undefined
  const reserve = provisioner.reserve.bind(provisioner)
  const hash = passwords.hash.bind(passwords)
  provisioner.reserve = async (organization) => {
    reserved = await reserve(organization)
    return reserved
  }
  const fail = async (): Promise<never> => { throw new Error('as the test asks') }
  const failures: Record<string, () => () => void> = {
    'the hash': () => {
      passwords.hash = fail
      return () => { passwords.hash = hash }
    },
    'the tenant\'s database': () => {
      const leaseOf = services.tenancy.leaseOf.bind(services.tenancy)
      services.tenancy.leaseOf = fail
      return () => { services.tenancy.leaseOf = leaseOf }
    },
    'the write of the admin': () => {
      passwords.hash = async () => null as never
      return () => { passwords.hash = hash }
    },
    'the activation': () => {
      const activate = provisioner.activate.bind(provisioner)
      provisioner.activate = fail
      return () => { provisioner.activate = activate }
    }
  }
  for (const [name, begin] of Object.entries(failures)) {
    const mend = begin()
    const response = await post({ ...grace, email: 'naomi@example.org' })
    mend()
    t.equal(response.statusCode, 500, name)
    if (reserved === undefined) throw new Error('Nothing was reserved.')
    const { tenant, organizationId } = reserved
    t.strictSame(await registry.query('SELECT 1 FROM tenants WHERE id = $1 UNION SELECT 1 FROM organizations WHERE id = $2', [tenant.id, organizationId]), [], `${name}: registry`)
    t.strictSame(await registry.query('SELECT 1 FROM pg_database WHERE datname = $1 UNION SELECT 1 FROM pg_roles WHERE rolname = $2', [tenant.databaseName, tenant.roleName]), [], `${name}: server`)
  }
  t.equal((await post({ ...grace, email: 'naomi@example.org' })).statusCode, 201, 'and the e-mail is free')
  provisioner.reserve = reserve
})

void t.test('a rehearsed sign-up leaves nothing, and none is made of a spare that has been taken', async (t) => {
  const { app, services } = await buildTestApp(t, { spares: 1 })
  const [spare] = await services.registry.selectFrom('tenants').select('id').where('status', '=', 'spare').execute()
  const { tenantId } = (await app.inject({ method: 'POST', url: '/api/auth/register', payload: grace })).json<{ tenantId: TenantId }>()
  t.equal(tenantId, spare?.id)
  const rows = async (table: 'admins' | 'sessions' | 'audit_log') => await services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom(table).selectAll().execute())
  const before = await Promise.all([rows('admins'), rows('sessions'), rows('audit_log')])
  t.strictSame(before.map((all) => all.length), [1, 1, 1])
  let rehearsals = 0
  await refillSpares({
    ...services,
    provisioner: {
      refillSpares: async (rehearse) => {
        await services.tenancy.withTenant(tenantId, async (db) => await rehearse?.(db))
        rehearsals++
        return { made: 0, failed: 0 }
      }
    }
  })
  t.equal(rehearsals, 1, 'and nothing is thrown')
  t.strictSame(await Promise.all([rows('admins'), rows('sessions'), rows('audit_log')]), before)
})

void t.test('a service that closes right after a sign-up has ordered the next spare', async (t) => {
  const { services, signUp } = await buildTestApp(t)
  await signUp()
  await services.jobs.flush()
  t.equal((await sql`SELECT FROM graphile_worker.jobs WHERE task_identifier = 'tenants.refill-spares'`.execute(services.registry)).rows.length, 1)
})

void t.test('what is asked for often within a time becomes one job, a refused one is told, and the next is gathered anew', async (t) => {
  const { services: { registry } } = await buildTestApp(t)
  const jobs = new JobQueue(registry)
  const keys: string[] = []
  const errors: unknown[] = []
  const order = (key: string, fail = false) => {
    const schema = fail ? Type.Object({ never: Type.String() }) : Type.Object({})
    jobs.enqueueOnce({ name: 'test.gathered', schema }, {} as never, { key }, 60_000, (error) => errors.push(error))
  }
  const enqueue = jobs.enqueue.bind(jobs)
  jobs.enqueue = async (job, payload, options) => {
    keys.push(options?.key ?? '')
    await enqueue(job, payload, options)
  }
  for (const key of ['a', 'a', 'b', 'a']) order(key)
  await jobs.flush()
  t.strictSame(keys.splice(0), ['a', 'b'])
  order('a', true)
  await jobs.flush()
  await jobs.flush()
  t.strictSame(keys, ['a'])
  t.match(errors, [TypeError])
})

void t.test('after a sign-up a job makes the next spare', async (t) => {
  await signUp()
  await startWorker()
  t.ok(await until(async () => (await registry.query('SELECT FROM tenants WHERE status = \'spare\'')).length === 1))
})

void t.test('sign-ups are limited by address, an IPv6 network counting as one', async (t) => {
  const { app, services } = await buildTestApp(t, { config: { SIGN_UPS_PER_HOUR: 2 } })
  const from = (remoteAddress: string) => app.inject({ method: 'POST', url: '/api/auth/register', remoteAddress, payload: grace })
  t.equal((await from('2001:db8:1:2::1')).statusCode, 201)
  t.equal((await from('2001:db8:1:2:ffff::9')).statusCode, 201)
  const refused = await from('2001:db8:1:2:3:4:5:6')
  t.match([refused.statusCode, refused.json()], [429, { code: 'RATE_LIMITED' }])
  t.ok(Number(refused.headers['retry-after']) > 3_500)
  t.equal((await from('2001:db8:1:3::1')).statusCode, 201)
  t.notMatch(JSON.stringify(await services.registry.selectFrom('attempt_counts').selectAll().execute()), /2001/)
})

void t.test('behind https, and in production, cookies are Secure', async (t) => {
  const { app } = await buildTestApp(t, { config: { PUBLIC_URL: 'https://koinonia.example.org' } })
  const response = await app.inject({ method: 'POST', url: '/api/auth/register', payload: grace })
  t.match(response.cookies, [{ secure: true }, { secure: true }])
})
