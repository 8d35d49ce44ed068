// `koinonia worker` in a process of its own: what it answers at WORKER_PORT, and that it ends when told to.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { freePort } from '../../src/cli/free-port.js'
import { packageRoot } from '../../src/config.js'
import { cloneRegistry } from '../helpers/clone-registry.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'
import { until } from '../helpers/until.js'

t.setTimeout(60_000)

await t.test('health for everybody, metrics for the operator, nothing else; and it ends in order', async (t) => {
  const registry = await cloneRegistry()
  t.teardown(() => registry.drop())
  const port = await freePort()
  const token = 'the-operator-of-this-worker'
  const child = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), 'worker'], {
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      REGISTRY_DATABASE_URL: registry.url,
      MASTER_KEY: MASTER_KEY.toString('base64'),
      JWT_SECRET: 'a secret of thirty-two characters',
      OPERATOR_TOKEN: token,
      PUBLIC_URL: 'http://127.0.0.1:9',
      SPARE_TENANTS: '0',
      WORKER_PORT: String(port)
    },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => { child.kill('SIGKILL') })
  const output = text(child.stderr)
  const ended = once(child, 'exit')
  const get = async (path: string, authorization?: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, authorization === undefined ? {} : { headers: { authorization } })
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
  }
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}: ${await output}`)
    return await get('/health/live').then(({ status }) => status === 200, () => false)
  }, 30_000)
  t.match(await get('/health/live'), { status: 200, body: '{"status":"ok"}' })
  t.match(await until(async () => await get('/health/ready')), { status: 200, body: /"registry":"ok"/ })
  for (const authorization of [undefined, 'Bearer wrong', token]) {
    for (const path of ['/metrics', '/metrics/tenants']) {
      t.match(await get(path, authorization), { status: 401, type: /^application\/problem\+json/, body: /AUTHENTICATION_REQUIRED/ }, `${path} with ${authorization ?? 'nothing'}`)
    }
  }
  t.match(await get('/metrics', `Bearer ${token}`), { status: 200, type: /^text\/plain/, body: /^koinonia_queued_jobs\{state="ready"\} 0$/m })
  t.match(await get('/metrics/tenants', `Bearer ${token}`), { status: 200, body: /"tenants":\[\]/ })
  t.match(await get('/api/members', `Bearer ${token}`), { status: 404, body: /ROUTE_NOT_FOUND/ })
  child.kill('SIGTERM')
  t.strictSame(await ended, [0, null])
})
