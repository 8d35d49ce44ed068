// `koinonia serve` in a process of its own, where its settings leave something to find out.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.js'
import { makeRegistry, MASTER_KEY, openProvisioner } from '../helpers/provisioning-ground.js'
import { until } from '../helpers/until.js'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

/** Starts it with PORT=0 and the sandbox carrier; resolves with the first group of `pattern` in what it prints. */
async function serve (t: Teardown, registryUrl: string, args: string[], pattern: RegExp): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'koinonia-serve-'))
  const child = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), 'serve', ...args], {
    cwd: dataDir,
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: dataDir, REGISTRY_DATABASE_URL: registryUrl, MASTER_KEY: MASTER_KEY.toString('base64'), SPARE_TENANTS: '0' },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
  const ended = new Promise((resolve) => { child.once('exit', resolve) })
  t.teardown(async () => {
    child.kill('SIGINT')
    await ended
    await rm(dataDir, { recursive: true })
  })
  return await until(async () => {
    if (child.exitCode !== null) throw new Error(`The service ended with ${child.exitCode}:\n${output}`)
    return pattern.exec(output)?.[1]
  }, 60_000)
}

void t.test('with PORT=0 the carrier is told the port that the system chose', async (t) => {
  const ground = await makeRegistry(t)
  const url = await serve(t, ground.registryUrl, [], /Phones +(http:\S+)\/sandbox[^]*Demo church/)
  t.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  const profiles = await fetch(`${url}/sandbox/telnyx/v2/messaging_profiles`, { headers: { authorization: 'Bearer sandbox' } })
  t.match(await profiles.json(), { data: [{ webhook_url: `${url}/webhooks/telnyx` }] })
})

void t.test('a worker alone is refused PORT=0 without PUBLIC_URL: nothing could tell it where the carrier shall post', async (t) => {
  const ground = await makeRegistry(t)
  t.match(await runCli(ground.registryUrl, ['worker'], { settings: { PORT: '0' } }), { code: 1, stderr: /PUBLIC_URL is missing/ })
})

void t.test('with --no-worker it holds a connection to a spare that the worker made elsewhere', async (t) => {
  const ground = await makeRegistry(t)
  await serve(t, ground.registryUrl, ['--no-worker', '--no-demo'], /(Koinonia is running)/)
  const cold = async () => { throw new Error('This process opens none') }
  const elsewhere = await openProvisioner(t, ground.registryUrl)
  const { provisioner } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 }, {
    tenancy: { serverFor: (server) => elsewhere.tenancy.serverFor(server), drain: async (id) => { await elsewhere.tenancy.drain(id) }, leaseOf: cold }
  })
  await provisioner.refillSpares()
  const { rows: [spare] } = await ground.sql.query<{ database_name: string, role_name: string }>("SELECT database_name, role_name FROM tenants WHERE status = 'spare'")
  const connection = await until(async () => {
    const { rows } = await ground.admin.query<{ usename: string }>('SELECT usename FROM pg_stat_activity WHERE datname = $1', [spare?.database_name])
    return rows.find(({ usename }) => usename === spare?.role_name)
  })
  t.ok(connection)
})
