// What is answered when the registry goes away, or falls silent: 503 with Retry-After for whoever needs it, and service as before for who does not.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { buildApp } from '../../src/app.js'
import { openServices } from '../../src/services.js'
import { buildTestApp } from '../helpers/build.js'
import { silent } from '../helpers/provisioning-ground.js'
import { switchableProxy } from '../helpers/switchable-proxy.js'
import { until } from '../helpers/until.js'

const test = await buildTestApp(t, { spares: 3 })
const { email, password, refreshToken, headers } = await test.signUp()
const direct = new URL(test.registry.url)
const proxy = await switchableProxy(t, { host: direct.hostname, port: Number(direct.port) })
const behindProxy = new URL(direct)
behindProxy.port = String(proxy.port())
const limits = { DATABASE_CONNECT_TIMEOUT_MS: 300, DATABASE_STATEMENT_TIMEOUT_MS: 700, DATABASE_WAIT_MS: 500 }
const services = await openServices({ ...test.services.config, ...limits, TENANT_SERVERS: `primary=${direct.href}` }, behindProxy.href, silent)
const app = await buildApp(services)
t.teardown(async () => {
  await app.close()
  await services.close()
})

const ask = {
  signIn: () => app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password } }),
  signUp: () => app.inject({ method: 'POST', url: '/api/auth/register', payload: { email: 'new@example.org', password: 'a long and winding road', firstName: 'N', lastName: 'W', churchName: 'New' } }),
  signUpOnce: () => app.inject({ method: 'POST', url: '/api/auth/register', headers: { 'idempotency-key': randomUUID() }, payload: { email: 'new@example.org', password: 'a long and winding road', firstName: 'N', lastName: 'W', churchName: 'New' } }),
  refresh: () => app.inject({ method: 'POST', url: '/api/auth/refresh', payload: { refreshToken } }),
  me: () => app.inject({ url: '/api/auth/me', headers })
}
type Ask = keyof typeof ask

async function expectAway (t: Tap, which: Ask): Promise<void> {
  const begun = performance.now()
  const response = await ask[which]()
  t.match(response, { statusCode: 503, headers: { 'content-type': /^application\/problem\+json/, 'retry-after': /^[1-9]\d*$/ } }, `${which}: ${response.body}`)
  t.match(response.json(), { status: 503, code: /^(DATABASE_UNAVAILABLE|SIGN_UP_UNAVAILABLE)$/, requestId: String })
  t.notMatch(response.body, /ECONN|127\.0\.0\.1|registry_/, 'and nothing of where it is')
  t.ok(performance.now() - begun < 3_000, `${which} took ${Math.round(performance.now() - begun)} ms`)
}
type Tap = Pick<typeof t, 'match' | 'notMatch' | 'ok'>

await t.test('a registry that refuses connections: who signs in, signs up or must be looked up is told to come again', async (t) => {
  await proxy.shut()
  for (const which of ['signIn', 'signUp', 'signUpOnce', 'refresh', 'me'] as const) await expectAway(t, which)
  await proxy.open()
  t.equal((await ask.signIn()).statusCode, 200)
  t.equal((await ask.me()).statusCode, 200)
})

await t.test('who is known already is served without it', async (t) => {
  const list = async () => (await app.inject({ url: '/api/members', headers })).statusCode
  const { tenancy } = services
  // Until changes are heard again nothing is remembered.
  await until(async () => {
    const before = tenancy.stats().lookUps
    t.equal(await list(), 200)
    return tenancy.stats().lookUps === before
  })
  proxy.silence()
  t.equal(await list(), 200)
  proxy.speak()
})

await t.test('one that has fallen silent, with the connection open and the question asked, is given up within the limits and used again when it speaks', async (t) => {
  t.equal((await ask.signIn()).statusCode, 200)
  proxy.silence()
  for (const which of ['signIn', 'signUp'] as const) await expectAway(t, which)
  proxy.speak()
  await until(async () => (await ask.signIn()).statusCode === 200)
})

await t.test('a sign-up whose registry goes away in the middle is undone, and nothing of it is left', async (t) => {
  const { registry, provisioner } = services
  const activate = provisioner.activate.bind(provisioner)
  provisioner.activate = async (...given) => {
    await proxy.shut()
    await activate(...given)
  }
  await expectAway(t, 'signUp')
  provisioner.activate = activate
  await proxy.open()
  await registry.updateTable('tenants').set({ provisioning_expires_at: new Date(0) }).where('status', '=', 'creating').execute()
  await provisioner.reconcile()
  t.strictSame(await registry.selectFrom('organizations').select('email').where('email', '=', 'new@example.org').execute(), [])
  t.strictSame(await registry.selectFrom('tenants').select('id').where('status', '=', 'creating').execute(), [])
  t.equal((await ask.signUp()).statusCode, 201)
})
