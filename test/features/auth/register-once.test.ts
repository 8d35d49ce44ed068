// A sign-up with an Idempotency-Key makes one organization, however often it is asked for and whatever dies meanwhile.
import t, { type Test } from 'tap'
import { pruneAttemptsJob } from '../../../src/features/auth/jobs.js'
import { problem } from '../../../src/errors.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

let now = new Date()
const { app, services, registry } = await buildTestApp(t, { spares: 1, clock: { now: () => now } })
const { provisioner, passwords } = services

const grace = { email: 'ruth@example.org', password: 'barley and wheat', firstName: 'Ruth', lastName: 'Miller', churchName: 'Grace Church' }
const later = (seconds: number): void => { now = new Date(now.getTime() + seconds * 1000) }
const register = async (key?: string, fields: Record<string, unknown> = {}) => await app.inject({
  method: 'POST', url: '/api/auth/register', payload: { ...grace, ...fields }, headers: key === undefined ? {} : { 'idempotency-key': key }
})
const refresh = async (refreshToken: string) => await app.inject({ method: 'POST', url: '/api/auth/refresh', payload: { refreshToken } })
const organizations = async (): Promise<number> => (await registry.query('SELECT FROM organizations')).length

type Step = (...given: unknown[]) => Promise<unknown>

/** Makes a step of the sign-ups in the test another one; what it returns puts the first back. */
function replace (t: Pick<Test, 'teardown'>, object: object, step: string, other: (original: Step) => Step): () => void {
  const original = Reflect.get(object, step) as Step
  const restore = (): void => { Reflect.set(object, step, original) }
  Reflect.set(object, step, other(original.bind(object)))
  t.teardown(restore)
  return restore
}

/** Stops a step of the next sign-up there, as a process that sleeps or has died; `wake` lets it go on. */
function hang (t: Pick<Test, 'teardown'>, step: 'reserve' | 'activate'): { reached: () => Promise<unknown>, wake: () => void } {
  let wake = (): void => undefined
  const woken = new Promise<void>((resolve) => { wake = resolve })
  let isReached = false
  const restore = replace(t, provisioner, step, (original) => async (...given) => {
    restore()
    isReached = true
    await woken
    return await original(...given)
  })
  return { reached: async () => await until(async () => isReached), wake }
}

void t.test('asking again gives the same answer with the same cookies, and one organization', async (t) => {
  const before = await organizations()
  const first = await register('one')
  later(60)
  const second = await register('one')
  t.match([first.statusCode, second.statusCode], [201, 201])
  t.equal(second.body, first.body)
  t.equal(first.cookies.length, 2)
  t.strictSame(second.headers['set-cookie'], first.headers['set-cookie'])
  t.equal(second.headers['content-type'], first.headers['content-type'])
  t.match([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']], [undefined, 'true'])
  t.equal(await organizations(), before + 1)
})

void t.test('the tokens of a repeated answer are good', async (t) => {
  await register('tokens', { tokenDelivery: 'body' })
  const again = await register('tokens', { tokenDelivery: 'body' })
  const { accessToken, refreshToken } = again.json<{ accessToken: string, refreshToken: string }>()
  t.equal(again.cookies.length, 0)
  t.equal((await app.inject({ url: '/api/auth/me', headers: { authorization: `Bearer ${accessToken}` } })).statusCode, 200)
  t.equal((await refresh(refreshToken)).statusCode, 200)
})

void t.test('once the session was refreshed, the used token is not handed out again, and the session lives on', async (t) => {
  const before = await organizations()
  const first = await register('used', { tokenDelivery: 'body' })
  const newest = (await refresh(first.json<{ refreshToken: string }>().refreshToken)).json<{ refreshToken: string }>().refreshToken
  const again = await register('used', { tokenDelivery: 'body' })
  t.match([again.statusCode, again.json()], [409, { code: 'SIGN_UP_SESSION_USED' }])
  t.equal(again.cookies.length, 0)
  t.equal((await refresh(newest)).statusCode, 200)
  t.equal(await organizations(), before + 1)
})

void t.test('once the session was signed out, asking again does not bring it back', async (t) => {
  const { accessToken } = (await register('out')).json<{ accessToken: string }>()
  t.equal((await app.inject({ method: 'POST', url: '/api/auth/logout', headers: { authorization: `Bearer ${accessToken}` } })).statusCode, 204)
  t.match((await register('out')).json(), { status: 409, code: 'SIGN_UP_SESSION_USED' })
})

void t.test('a suspended organization\'s sign-up is not answered again', async (t) => {
  const { tenantId } = (await register('suspended')).json<{ tenantId: Parameters<typeof provisioner.suspend>[0] }>()
  await provisioner.suspend(tenantId)
  t.match((await register('suspended')).json(), { status: 403, code: 'TENANT_SUSPENDED' })
})

void t.test('two at the same time: one organization, and the other is told to wait', async (t) => {
  const before = await organizations()
  const answers = await Promise.all([register('both'), register('both')])
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [201, 409])
  t.match(answers.find(({ statusCode }) => statusCode === 409)?.json(), { code: 'IDEMPOTENCY_KEY_IN_USE' })
  t.equal(await organizations(), before + 1)
})

void t.test('the same key with any other field, the password too, is refused and answers nothing', async (t) => {
  const before = await organizations()
  for (const fields of [{ password: 'barley and wheaten' }, { email: 'naomi@example.org' }, { tokenDelivery: 'body' }]) {
    const answer = await register('one', fields)
    t.match([answer.statusCode, answer.json(), answer.cookies], [422, { code: 'IDEMPOTENCY_KEY_REUSED' }, []])
  }
  t.equal(await organizations(), before)
})

void t.test('a key must be visible ASCII', async (t) => {
  for (const key of ['', 'a b', 'x'.repeat(256)]) t.match((await register(key)).json(), { status: 400, code: 'VALIDATION_FAILED', errors: [{ path: '/headers/idempotency-key' }] }, key)
})

void t.test('without a key two sign-ups make two organizations, and the keys are not looked at', async (t) => {
  const before = await organizations()
  await registry.query('ALTER TABLE sign_up_keys RENAME TO sign_up_keys_away')
  const answers = await Promise.all([register(), register()])
  await registry.query('ALTER TABLE sign_up_keys_away RENAME TO sign_up_keys')
  t.strictSame(answers.map(({ statusCode }) => statusCode), [201, 201])
  t.equal(await organizations(), before + 2)
})

void t.test('a sign-up that is refused or fails leaves nothing, so its key is free', async (t) => {
  const failures: Record<string, [number, () => () => void]> = {
    'at the reservation': [503, () => replace(t, provisioner, 'reserve', () => async () => { throw problem('SIGN_UP_UNAVAILABLE') })],
    'at the hash': [500, () => replace(t, passwords, 'hash', () => async () => { throw new Error('as the test asks') })],
    'at the activation': [500, () => replace(t, provisioner, 'activate', () => async () => { throw new Error('as the test asks') })]
  }
  const before = await organizations()
  t.equal((await register('weak', { password: 'Password1234!' })).statusCode, 400)
  t.equal((await register('weak')).statusCode, 201, 'the corrected one goes through')
  for (const [name, [status, begin]] of Object.entries(failures)) {
    const mend = begin()
    t.equal((await register(name.replaceAll(' ', '-'))).statusCode, status, name)
    mend()
    t.equal((await register(name.replaceAll(' ', '-'))).statusCode, 201, name)
  }
  t.equal(await organizations(), before + 4)
})

void t.test('when the activation was done and only its answer lost, asking again tells of it', async (t) => {
  const before = await organizations()
  const mend = replace(t, provisioner, 'activate', (activate) => async (...given) => {
    await activate(...given)
    throw new Error('The connection was lost.')
  })
  t.equal((await register('lost')).statusCode, 500)
  mend()
  const again = await register('lost')
  t.match([again.statusCode, again.headers['idempotency-replayed']], [201, 'true'])
  t.equal((await app.inject({ url: '/api/auth/me', headers: { authorization: `Bearer ${again.json<{ accessToken: string }>().accessToken}` } })).statusCode, 200)
  t.equal(await organizations(), before + 1)
})

void t.test('a process that dies before it has a database blocks the key for a minute; should it only have slept, it makes nothing', async (t) => {
  const before = await organizations()
  const { reached, wake } = hang(t, 'reserve')
  const first = register('asleep')
  await reached()
  t.match((await register('asleep')).json(), { status: 409, code: 'IDEMPOTENCY_KEY_IN_USE' })
  t.match((await register('asleep', { firstName: 'Naomi' })).json(), { status: 422, code: 'IDEMPOTENCY_KEY_REUSED' })
  later(61)
  const second = await register('asleep')
  t.equal(second.statusCode, 201)
  wake()
  t.match((await first).json(), { status: 409, code: 'IDEMPOTENCY_KEY_IN_USE' })
  t.equal(await organizations(), before + 1)
  t.equal((await register('asleep')).body, second.body)
})

void t.test('a process that dies with a database reserved blocks the key until that is undone; should it only have slept, it makes nothing', async (t) => {
  const before = await organizations()
  const { reached, wake } = hang(t, 'activate')
  const first = register('reserved')
  await reached()
  later(3_600)
  t.match((await register('reserved')).json(), { status: 409, code: 'IDEMPOTENCY_KEY_IN_USE' }, 'however long, while it may still be activated')
  await registry.query('UPDATE tenants SET provisioning_expires_at = now() - interval \'1 second\' WHERE status = \'creating\' AND organization_id IS NOT NULL')
  t.equal((await provisioner.undoExpired()).undone.length, 1)
  const second = await register('reserved')
  t.match([second.statusCode, second.headers['idempotency-replayed']], [201, undefined])
  wake()
  t.match((await first).json(), { status: 503, code: 'SIGN_UP_UNAVAILABLE' })
  t.equal(await organizations(), before + 1)
  t.equal((await register('reserved')).body, second.body)
})

void t.test('what is kept tells nothing: neither key, nor password, nor token, nor name', async (t) => {
  const first = await register('a-telling-key', { tokenDelivery: 'body' })
  const rows = await registry.query<Record<string, unknown>>('SELECT * FROM sign_up_keys')
  const { accessToken, refreshToken } = first.json<{ accessToken: string, refreshToken: string }>()
  const kept = rows.flatMap((row) => Object.values(row)).filter((value) => Buffer.isBuffer(value)).map((value) => value.toString('latin1')).join('\n')
  t.ok(kept.length > 0)
  for (const secret of ['a-telling-key', grace.password, grace.email, 'Grace', accessToken, refreshToken]) t.notOk(kept.includes(secret), secret)
})

void t.test('every try with a key counts against the address, also one that is answered again', async (t) => {
  const { app } = await buildTestApp(t, { config: { SIGN_UPS_PER_HOUR: 2 } })
  const guess = async (password: string) => await app.inject({ method: 'POST', url: '/api/auth/register', payload: { ...grace, password }, headers: { 'idempotency-key': 'guessed' } })
  t.equal((await guess(grace.password)).statusCode, 201)
  t.equal((await guess('barley and wheaten')).statusCode, 422)
  t.match((await guess(grace.password)).json(), { status: 429, code: 'RATE_LIMITED' })
})

void t.test('after a day the key is free, and the job that prunes attempts clears what is left', async (t) => {
  const before = await organizations()
  await register('daily')
  later(24 * 3_600 - 1)
  t.equal((await register('daily')).headers['idempotency-replayed'], 'true')
  later(2)
  const next = await register('daily')
  t.match([next.statusCode, next.headers['idempotency-replayed']], [201, undefined])
  t.equal(await organizations(), before + 2)
  await pruneAttemptsJob.run({}, services, { attempt: 1, maxAttempts: 1, signal: AbortSignal.timeout(1_000) })
  t.equal((await registry.query('SELECT FROM sign_up_keys')).length, 1, 'the one of today stays')
})
