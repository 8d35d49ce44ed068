// The table of the busiest tenants, against what two processes really did.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { type Sample } from '../../src/cli/ask-processes.js'
import { freePort } from '../../src/cli/free-port.js'
import { TenantActivity } from '../../src/tenancy/tenant-activity.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { buildOperatorApp } from '../../src/operator-app.js'
import { openServices, type Services } from '../../src/services.js'
import { buildTestApp } from '../helpers/build.js'
import { runCli } from './run-cli.js'

const test = await buildTestApp(t, { spares: 3, listen: true, config: { DATABASE_CONNECTIONS_PER_TENANT: 1 } })
const [busy, quiet, idle] = [await test.signUp(), await test.signUp(), await test.signUp()]
// What `koinonia worker` is: services and no API.
const worker = await openServices(test.services.config, test.registry.url, test.services.log)
const operatorApp = await buildOperatorApp(worker)
t.teardown(async () => {
  await operatorApp.close()
  await worker.close()
})
const otherUrl = await operatorApp.listen({ host: '127.0.0.1', port: 0 })
const top = (...args: string[]) => runCli(test.registry.url, ['top', ...args], { settings: { OPERATOR_TOKEN: test.services.config.OPERATOR_TOKEN, PUBLIC_URL: test.baseUrl } })
const sampleOf = async (...args: string[]) => JSON.parse((await top('--json', ...args)).stdout) as Sample
const ask = async ({ tenancy }: Pick<Services, 'tenancy'>, id: string, times: number) => {
  for (let time = 0; time < times; time++) (await tenancy.lease(id as TenantId)).release()
}

await t.test('a rate is that of the last ten seconds, whatever was before', async (t) => {
  const activity = new TenantActivity()
  for (let ms = 0; ms < 60_000; ms += 20) activity.requested(ms)
  t.ok(Math.abs(activity.figures(60_000).requestsPerSecond - 50) < 2, `${activity.figures(60_000).requestsPerSecond}`)
  t.ok(Math.abs(activity.figures(70_000).requestsPerSecond - 25) < 1, 'half of it ten seconds later')
  for (let ms = 0; ms < 10; ms++) activity.waited(30 + ms, 70_000)
  t.equal(Math.round(activity.figures(70_000).meanWaitMs * 10), 345)
})

await t.test('who asks the most comes first, over all processes, each counted once', async (t) => {
  await ask(test.services, quiet.tenantId, 60)
  await ask(test.services, busy.tenantId, 40)
  await ask(worker, busy.tenantId, 60)
  const { processes, unanswered, tenants } = await sampleOf('--url', test.baseUrl, '--url', otherUrl, '--url', `${otherUrl}/`)
  t.strictSame([processes, unanswered], [2, []])
  t.match(tenants.slice(0, 2), [{ tenantId: busy.tenantId, servers: ['primary'] }, { tenantId: quiet.tenantId }])
  const [first, second] = tenants
  t.ok(first!.requestsPerSecond > second!.requestsPerSecond * 1.3, `${first!.requestsPerSecond} and ${second!.requestsPerSecond}`)
  const alone = await sampleOf()
  t.match([alone.processes, alone.tenants[0]], [1, { tenantId: quiet.tenantId }], 'PUBLIC_URL alone unless told otherwise')
})

await t.test('who waits comes first by waits, and who holds connections by connections', async (t) => {
  const lease = await test.services.tenancy.lease(idle.tenantId)
  const waiting = test.services.tenancy.lease(idle.tenantId)
  const during = await sampleOf('--by', 'waits')
  t.match(during.tenants[0], { tenantId: idle.tenantId, waiting: 1, connections: 1 })
  await pause(50)
  lease.release()
  ;(await waiting).release()
  const [after] = (await sampleOf('--by', 'waits', '--limit', '1')).tenants
  t.match(after, { tenantId: idle.tenantId, waiting: 0 })
  t.ok(after!.waitsPerSecond > 0 && after!.meanWaitMs >= 50, JSON.stringify(after))
})

await t.test('one table says it for people, and ends with 1 when a process did not answer', async (t) => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  const { code, stdout } = await top('--once', '--url', test.baseUrl, '--url', nobody)
  t.equal(code, 1)
  t.match(stdout, /^1 process asked at/)
  t.match(stdout, new RegExp(`^${nobody} did not answer: .*ECONNREFUSED`, 'm'))
  t.match(stdout, /^TENANT +ORGANIZATION +SERVER +REQUESTS +WAITS +MEAN WAIT +IN LINE +CONNECTIONS$/m)
  t.match(stdout, new RegExp(`^${quiet.tenantId} .* primary +[0-9.]+/s`, 'm'))
})

await t.test('it is the operator\'s alone, in an API process as in a worker', async (t) => {
  for (const app of [test.app, operatorApp]) {
    for (const headers of [{}, busy.headers]) t.match((await app.inject({ url: '/metrics/tenants', headers })).json(), { status: 401, code: 'AUTHENTICATION_REQUIRED' })
    t.equal((await app.inject({ url: '/metrics/tenants?limit=5000', headers: { authorization: `Bearer ${test.services.config.OPERATOR_TOKEN}` } })).statusCode, 400)
  }
  t.equal((await operatorApp.inject('/health/ready')).statusCode, 200)
})
