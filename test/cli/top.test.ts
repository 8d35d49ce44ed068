// The table of the busiest tenants, against what two processes really did; and as it is seen on a terminal.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { type Sample } from '../../src/cli/ask-processes.js'
import { freePort } from '../../src/cli/free-port.js'
import { watch } from '../../src/cli/top.js'
import { packageRoot } from '../../src/config.js'
import { TenantActivity } from '../../src/tenancy/tenant-activity.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { buildOperatorApp } from '../../src/operator-app.js'
import { openServices, type Services } from '../../src/services.js'
import { buildTestApp } from '../helpers/build.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'
import { until } from '../helpers/until.js'
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

const [enter, home, restore] = ['\x1b[?1049h\x1b[?25l', '\x1b[H', '\x1b[?25h\x1b[?1049l']

await t.test('on a terminal it is drawn anew on a screen of its own, no larger than that is, and what was there before is there again at the end', async (t) => {
  let [written, asked] = ['', 0]
  const stopped = new AbortController()
  const terminal = { rows: 5, columns: 40, write: (text: string) => { written += text } }
  const figures = { organization: 'Grace\x07 Chapel of the Very Long Name Indeed', servers: ['primary'], server: 'primary', requestsPerSecond: 1, waitsPerSecond: 0, meanWaitMs: 0, waiting: 0, connections: 1 }
  const ask = async (): Promise<Sample> => {
    if (++asked === 3) stopped.abort()
    return { processes: asked, unanswered: [{ url: 'http://gone', reason: 'refused' }], tenants: Array.from({ length: 20 }, (_, n) => ({ ...figures, tenantId: `t${n}` })) }
  }
  await watch(ask, terminal, 1, stopped.signal)
  const pictures = written.slice(enter.length, -restore.length).split(home).slice(1)
  t.ok(written.startsWith(enter) && written.endsWith(restore), 'entered and left')
  t.match(pictures, [/1 process asked/, /2 processes asked/])
  for (const picture of pictures) {
    const lines = picture.replaceAll('\x1b[K', '').replaceAll('\x1b[J', '').split('\r\n')
    t.equal(lines.length, terminal.rows)
    t.ok(lines.every((line) => line.length <= terminal.columns))
    t.equal(lines[1], 'http://gone did not answer: refused')
  }
  await t.rejects(watch(async () => { throw new Error('broken') }, terminal, 1, new AbortController().signal), /broken/)
  t.ok(written.endsWith(restore), 'also when it fails')
})

const pty = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
await t.test('Ctrl-C on a real terminal ends it with 0 at once, even while a process keeps it waiting', { skip: pty ? false : 'needs script(1) of util-linux' }, async (t) => {
  const hanging = createServer(() => undefined)
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { hanging.close() })
  const nobody = `http://127.0.0.1:${await freePort()}`
  const run = async (urls: string[], isThere: (screen: string) => boolean) => {
    const command = `stty rows 12 cols 200; exec ${process.execPath} ${join(packageRoot, 'dist/src/main.js')} top --interval 1 ${urls.map((url) => `--url ${url}`).join(' ')}`
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', MASTER_KEY: MASTER_KEY.toString('base64'), JWT_SECRET: 'x'.repeat(32), OPERATOR_TOKEN: test.services.config.OPERATOR_TOKEN, REGISTRY_DATABASE_URL: test.registry.url },
      stdio: ['pipe', 'pipe', 'inherit']
    })
    t.teardown(() => { child.kill('SIGKILL') })
    let screen = ''
    child.stdout.on('data', (chunk: Buffer) => { screen += chunk.toString() })
    const ended = once(child, 'close')
    await until(async () => isThere(screen), 20_000)
    const begun = performance.now()
    child.stdin.write('\x03')
    const [code] = await ended as [number]
    return { code, screen, tookMs: performance.now() - begun }
  }
  const drawn = await run([test.baseUrl, nobody], (screen) => new RegExp(`asked at[^]*${nobody} did not answer: .*ECONNREFUSED[^]*CONNECTIONS[^]*asked at`).test(screen))
  t.equal(drawn.code, 0)
  t.ok(drawn.screen.trimEnd().replace('^C', '').endsWith(restore), JSON.stringify(drawn.screen.slice(-60)))
  const waiting = await run([`http://127.0.0.1:${(hanging.address() as AddressInfo).port}`], (screen) => screen.includes(enter))
  t.match(waiting, { code: 0 })
  t.ok(waiting.tookMs < 3_000, `${Math.round(waiting.tookMs)} ms`)
})
