// Guessing passwords: slowed down by e-mail and by address, over all processes together.
import t from 'tap'
import { pruneAttemptsJob } from '../../../src/features/auth/jobs.js'
import { buildTestApp, type TestProcess } from '../../helpers/build.js'

let now = new Date()
const clock = { now: () => now }
const first = await buildTestApp(t, { clock, config: { LOGIN_ATTEMPTS: 5, LOGIN_WINDOW_SECONDS: 900 } })
const second = await first.anotherProcess()

let nextAddress = 1
const newAddress = (): string => `203.0.113.${nextAddress++}`
const login = async ({ app }: TestProcess, email: string, password: string, remoteAddress = newAddress()) =>
  await app.inject({ method: 'POST', url: '/api/auth/login', remoteAddress, payload: { email, password } })

void t.test('after five wrong passwords for one e-mail, from anywhere and at any process, even the right one waits out the window', async (t) => {
  const { email, password } = await first.signUp()
  const guesses = await Promise.all(Array.from({ length: 8 }, async (_, index) => await login(index % 2 === 0 ? first : second, email, 'not this one')))
  t.strictSame(guesses.map(({ statusCode }) => statusCode).sort(), [401, 401, 401, 401, 401, 429, 429, 429], 'however they race')
  const refused = await login(second, email, password)
  t.match([refused.statusCode, refused.json()], [429, { code: 'RATE_LIMITED' }])
  const wait = Number(refused.headers['retry-after'])
  t.ok(wait > 800 && wait <= 900)
  now = new Date(now.getTime() + (wait + 1) * 1000)
  t.equal((await login(second, email, password)).statusCode, 200)
})

void t.test('a right password resets the e-mail\'s count', async (t) => {
  const { email, password } = await first.signUp()
  for (let round = 0; round < 3; round++) {
    for (let guess = 0; guess < 4; guess++) t.equal((await login(first, email, 'not this one')).statusCode, 401)
    t.equal((await login(first, email, password)).statusCode, 200)
  }
})

void t.test('one address that tries many e-mails is refused; right passwords in between do not count, and do not reset it', async (t) => {
  const address = newAddress()
  const { email, password } = await first.signUp()
  for (let guess = 0; guess < 5; guess++) {
    t.equal((await login(first, `nobody.${guess}@example.org`, 'not this one', address)).statusCode, 401)
    if (guess < 4) t.equal((await login(first, email, password, address)).statusCode, 200)
  }
  t.equal((await login(second, 'nobody.6@example.org', 'not this one', address)).statusCode, 429)
  t.equal((await login(first, email, password)).statusCode, 200, 'from elsewhere')
})

void t.test('counts that have run out are cleared by a job', async (t) => {
  await login(first, 'nobody@example.org', 'not this one')
  now = new Date(now.getTime() + 3_600_000)

  await pruneAttemptsJob.run({}, first.services, { attempt: 1, maxAttempts: 1, signal: AbortSignal.timeout(1_000) })
  t.strictSame(await first.registry.query('SELECT kind FROM attempt_counts WHERE kind <> \'sign_up_address\''), [])
})
