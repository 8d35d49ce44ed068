// What load balancers and the operator's monitoring are told, with the registry there and gone.
import pg from 'pg'
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { seedOrganization } from '../helpers/seed-organization.js'
import { testServer } from '../helpers/test-server.js'
import { until } from '../helpers/until.js'

const test = await buildTestApp(t, { carrier: true })
const { app, services, registry } = test
const bearer = { authorization: `Bearer ${services.config.OPERATOR_TOKEN}` }
const metrics = async () => await app.inject({ url: '/metrics', headers: bearer })

void t.test('alive and ready', async (t) => {
  t.match((await app.inject('/health/live')).json(), { status: 'ok' })
  const ready = await app.inject('/health/ready')
  t.equal(ready.statusCode, 200)
  t.match(ready.json(), { status: 'ready', checks: { registry: 'ok', changes: 'ok' } })
})

void t.test('metrics are the operator\'s alone', async (t) => {
  const { headers } = await test.signUp()
  for (const given of [{}, { authorization: 'Bearer x' }, { authorization: services.config.OPERATOR_TOKEN }, headers]) {
    const response = await app.inject({ url: '/metrics', headers: given })
    t.match([response.statusCode, response.json()], [401, { code: 'AUTHENTICATION_REQUIRED' }])
  }
})

void t.test('metrics count pools, budget, queue, sends, webhooks, jobs and requests; never by tenant, number or person', async (t) => {
  const worker = await test.startWorker()
  const seeded = await seedOrganization(test, 'church', 'Shiloh')
  const { body, headers, statusCode } = await metrics()
  await worker.stop()
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/plain/)
  const expected = [
    /^koinonia_database_connections\{server="[\w-]+",state="busy"\} \d+$/m, /^koinonia_database_connections_max\{server="[\w-]+"\} [1-9]\d*$/m,
    /^koinonia_database_waiting_requests\{server="[\w-]+"\} 0$/m, /^koinonia_database_connections_opened_total\{server="[\w-]+"\} [1-9]/m,
    /^koinonia_database_breaker_state\{server="[\w-]+",state="closed"\} 1$/m,
    /^koinonia_queued_jobs\{state="ready"\} \d+$/m, /^koinonia_webhook_events\{state="waiting"\} \d+$/m, /^koinonia_sends_total\{outcome="\w+"\} 3$/m,
    /^koinonia_webhooks_total\{provider="telnyx",outcome="recorded"\} [1-9]/m, /^koinonia_jobs_total\{job="[\w.]+",outcome="\w+"\} [1-9]/m,
    /^koinonia_http_request_duration_seconds_count\{method="POST",route="\/api\/messages",status="202"\} 1$/m
  ]
  for (const line of expected) t.match(body, line)
  for (const word of [...seeded.ownWords, ...Object.values(seeded.ids)]) t.notOk(body.includes(word), word)
})

void t.test('with the registry gone the process lives, says what it lacks, still shows its metrics, and recovers by itself', async (t) => {
  const { adminUrl } = await testServer()
  const name = new URL(registry.url).pathname.slice(1)
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  t.teardown(async () => { await admin.end() })
  await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`)
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])

  const response = await app.inject('/health/ready')
  t.equal(response.statusCode, 503)
  t.match(response.json(), { status: 'not_ready', checks: { registry: 'cannot be reached' } })
  t.notMatch(response.body, new RegExp(name))
  t.equal((await app.inject('/health/live')).statusCode, 200)
  const shown = await metrics()
  t.equal(shown.statusCode, 200)
  t.match(shown.body, /^koinonia_database_connections\{/m)
  t.notMatch(shown.body, /^koinonia_queued_jobs\{/m, 'nothing is said of what could not be asked')

  await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`)
  await until(async () => (await app.inject('/health/ready')).statusCode === 200)
  t.match((await metrics()).body, /^koinonia_queued_jobs\{/m)
})
