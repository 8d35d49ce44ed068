// An installation of real processes on a PostgreSQL server of its own, in which anything can be killed at any moment.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { freePort } from '../../../src/cli/free-port.js'
import { loadConfig, packageRoot } from '../../../src/config.js'
import { readPostmasterFile } from '../../../src/sandbox/postgres/postmaster-file.js'
import { startEmbeddedPostgres } from '../../../src/sandbox/postgres/start-embedded-postgres.js'
import { type RunningCarrier, startCarrier } from '../../../src/sandbox/carrier/start-carrier.js'
import { type OpenServices, prepareServices } from '../../../src/services.js'
import { until } from '../../helpers/until.js'

export const parts = ['api', 'worker', 'postgres'] as const
export type Part = typeof parts[number]

export interface Installation {
  apiUrl: string
  carrier: RunningCarrier
  /** The test's own way to the databases. */
  services: OpenServices
  /** kill -9, and a new one in its place at once. Resolves when it has been started, not when it serves. */
  replace: (part: Part) => Promise<void>
  /** How often API and worker ended without being killed, and were started again. */
  endedByThemselves: () => number
}

const log = pino({ level: 'silent' })

export async function install (t: { teardown: (run: () => Promise<void>) => unknown }, settings: Record<string, string>): Promise<Installation> {
  const closing: Array<() => Promise<unknown>> = []
  t.teardown(async () => { for (const close of closing.reverse()) await close() })
  const folder = await mkdtemp(join(tmpdir(), 'koinonia-chaos-'))
  closing.push(() => rm(folder, { recursive: true, force: true }))
  // Durable: what is killed here must not have lost a commit that it has confirmed.
  const startPostgres = () => startEmbeddedPostgres({ dataDir: join(folder, 'server'), durable: true, log })
  let postgres = await startPostgres()
  closing.push(async () => { await postgres.stop() })
  const cluster = await prepareRegistry(postgres.adminUrl)
  const carrier = await startCarrier({ sentDelayMs: 5, finalDelayMs: 20, orderDelayMs: 10, retryDelaysMs: [500, 2_000, 5_000], keepMessages: 1_000_000 })
  closing.push(() => carrier.close())

  const port = await freePort()
  const apiUrl = `http://127.0.0.1:${port}`
  const environment = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATA_DIR: join(folder, 'data'),
    PORT: String(port),
    PUBLIC_URL: apiUrl,
    REGISTRY_DATABASE_URL: registryUrl(postgres.adminUrl),
    SPARE_TENANTS: '0',
    RATE_LIMIT_PER_MINUTE: '100000',
    TELNYX_API_KEY: 'KEY_of_the_tests',
    TELNYX_BASE_URL: carrier.baseUrl,
    TELNYX_PUBLIC_KEY: carrier.publicKey,
    ...settings
  }
  const services = prepareServices(loadConfig(environment), environment.REGISTRY_DATABASE_URL, log)
  closing.push(() => services.close())
  const api = new Supervised(environment, 'serve', '--no-worker')
  const worker = new Supervised(environment, 'worker')
  closing.push(() => Promise.all([api.stop(), worker.stop()]))

  return {
    apiUrl,
    carrier,
    services,
    async replace (part) {
      if (part === 'postgres') {
        process.kill((await readPostmasterFile(cluster))?.pid ?? NaN, 'SIGKILL')
        postgres = await startPostgres()
        return
      }
      await (part === 'api' ? api : worker).kill()
    },
    endedByThemselves: () => api.ended + worker.ended
  }
}

const registryName = 'koinonia_registry'

function registryUrl (adminUrl: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${registryName}`
  return url.href
}

/** @returns the server's data folder */
async function prepareRegistry (adminUrl: string): Promise<string> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await admin.query(`CREATE DATABASE ${registryName}`)
    const { rows: [row] } = await admin.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder")
    return row!.folder
  } finally {
    await admin.end()
  }
}

/** A process that is started again whenever it ends, as systemd or a container's engine does. */
class Supervised {
  readonly #environment: Record<string, string>
  readonly #command: string[]
  #child: ChildProcess
  #stopped = false
  /** How often it ended by itself, as a start does whose database goes away in the middle. */
  ended = 0

  constructor (environment: Record<string, string>, ...command: string[]) {
    this.#environment = environment
    this.#command = command
    this.#child = this.#start()
  }

  async kill (): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  async stop (): Promise<void> {
    this.#stopped = true
    await this.kill()
  }

  #start (): ChildProcess {
    const child = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), ...this.#command], { env: this.#environment, stdio: 'ignore' })
    child.on('exit', (_code, signal) => {
      if (signal !== 'SIGKILL') this.ended++
      if (!this.#stopped) this.#child = this.#start()
    })
    return child
  }
}

/** Resolves when the API answers as ready. */
export async function serving ({ apiUrl }: Installation): Promise<void> {
  await until(async () => (await fetch(`${apiUrl}/health/ready`).catch(() => undefined))?.ok, 60_000)
}
