// The production application for one test: real services on a registry of its own, everything closed and dropped at the end.
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { buildApp } from '../../src/app.js'
import { refillSpares } from '../../src/features/auth/refill-spares.js'
import { type Clock } from '../../src/clock.js'
import { type Config, loadConfig } from '../../src/config.js'
import { startWorker, type Worker } from '../../src/jobs/worker.js'
import { type RunningCarrier, startCarrier, type StartCarrierOptions } from '../../src/sandbox/carrier/start-carrier.js'
import { type OpenServices, openServices } from '../../src/services.js'
import { jobs } from '../../src/tasks.js'
import { addNumber, type AddedNumber } from './add-number.js'
import { type ClonedRegistry, cloneRegistry } from './clone-registry.js'
import { freePort } from '../../src/cli/free-port.js'
import { signUp, type SignedUp, type SignUpFields } from './sign-up.js'

export interface BuildOptions {
  /** Settings that differ from the tests' own. */
  config?: Partial<Config>
  /** Databases made beforehand, so that as many sign-ups take no time. */
  spares?: number
  /** Starts a sandbox carrier, quick by default, and listens, so that its webhooks arrive. */
  carrier?: boolean | StartCarrierOptions
  /** Listens on a free port of 127.0.0.1; implied by `carrier`. */
  listen?: boolean
  clock?: Clock
  /** Instead of a silent one. */
  log?: Logger
}

export interface TestProcess {
  app: FastifyInstance
  services: OpenServices
  /** PUBLIC_URL, where it listens. */
  baseUrl: string
  /** Runs the background jobs in this process from now on. */
  startWorker: () => Promise<Worker>
  /** Signs up through the API, with made-up names unless given. */
  signUp: (kind?: 'church' | 'studio', fields?: SignUpFields) => Promise<SignedUp>
}

export interface TestApp extends TestProcess {
  registry: ClonedRegistry
  /** Undefined unless asked for. */
  carrier: RunningCarrier | undefined
  /** Gives an organization an active number: bought at the sandbox carrier if there is one, else only written down. */
  addNumber: (organization: Pick<SignedUp, 'tenantId'>, phoneNumber?: string) => Promise<AddedNumber>
  /** A second process of the same service: its own caches, pools and listener. */
  anotherProcess: (config?: Partial<Config>) => Promise<TestProcess>
}

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

const quick = { orderDelayMs: 10, sentDelayMs: 5, finalDelayMs: 20 } satisfies StartCarrierOptions

const testSettings = {
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  JWT_SECRET: 'a secret that only the tests know, and everyone who reads them',
  MASTER_KEY: createHash('sha256').update('tests').digest('base64'),
  OPERATOR_TOKEN: 'the-operator-of-all-the-tests',
  TELNYX_API_KEY: 'KEY_of_the_tests',
  TELNYX_BASE_URL: 'http://127.0.0.1:9/v2',
  // Else what a test sends would wait for morning when it runs at night.
  QUIET_HOURS: 'ignored',
  SIGN_UPS_PER_HOUR: '100000',
  SPARE_TENANTS: '0',
  ARGON2_MEMORY_KIB: '256',
  ARGON2_TIME_COST: '1',
  SEND_RATE_TOLL_FREE: '0',
  SEND_RATE_ACCOUNT_SMS: '0',
  SEND_RATE_ACCOUNT_MMS: '0',
  WORKER_CONCURRENCY: '4'
}

export async function buildTestApp (t: Teardown, options: BuildOptions = {}): Promise<TestApp> {
  const { config = {}, spares = 0 } = options
  const closing: Array<() => Promise<unknown>> = []
  t.teardown(async () => { for (const close of closing.reverse()) await close() })
  const DATA_DIR = await mkdtemp(join(tmpdir(), 'koinonia-test-'))
  closing.push(() => rm(DATA_DIR, { recursive: true, force: true }))
  const registry = await cloneRegistry()
  closing.push(registry.drop)
  const carrier = await carrierFor(options)
  if (carrier !== undefined) closing.push(() => carrier.close())
  const carrierSettings = carrier === undefined ? {} : { TELNYX_BASE_URL: carrier.baseUrl, TELNYX_PUBLIC_KEY: carrier.publicKey }
  const openProcess = async (settings: Partial<Config>, listen: boolean): Promise<TestProcess> => {
    const opened = await startProcess(registry.url, { SPARE_TENANTS: spares, DATA_DIR, ...carrierSettings, ...config, ...settings }, listen, options)
    closing.push(opened.close)
    return opened
  }
  const first = await openProcess({}, options.listen === true || carrier !== undefined)
  if (spares > 0) await refillSpares(first.services)
  return {
    ...first,
    registry,
    carrier,
    addNumber: async (organization, phoneNumber) => await addNumber(first, carrier, organization, phoneNumber),
    anotherProcess: async (settings = {}) => await openProcess(settings, false)
  }
}

async function startProcess (registryUrl: string, settings: Partial<Config>, listen: boolean, { clock, log }: BuildOptions): Promise<TestProcess & { close: () => Promise<void> }> {
  const port = await freePort()
  const baseUrl = `http://127.0.0.1:${port}`
  const config: Config = Object.freeze({ ...loadConfig(testSettings), PUBLIC_URL: baseUrl, ...settings })
  const services = await openServices(config, registryUrl, log ?? pino({ level: config.LOG_LEVEL }), clock)
  const app = await buildApp(services)
  if (listen) await app.listen({ port, host: '127.0.0.1' })
  else await app.ready()
  const workers: Worker[] = []
  return {
    app,
    services,
    baseUrl,
    signUp: async (kind = 'church', fields = {}) => await signUp(app, kind, fields),
    async startWorker () {
      const { log, metrics, tracing, registryPool: pool } = services
      const worker = await startWorker({ pool, services, jobs, concurrency: config.WORKER_CONCURRENCY, drainMs: 2_000, log, metrics, tracing })
      workers.push(worker)
      return worker
    },
    async close () {
      // A test may have stopped one already: stopping twice is refused.
      for (const worker of workers) await worker.stop().catch(() => undefined)
      await app.close()
      await services.close()
    }
  }
}

/** At its end the test fails if anything was asked that Telnyx does not publish, whatever became of it. */
async function carrierFor ({ carrier = false }: BuildOptions): Promise<RunningCarrier | undefined> {
  if (carrier === false) return undefined
  const unpublished: string[] = []
  const running = await startCarrier({ ...quick, onUnpublished: (what) => unpublished.push(what), ...(carrier === true ? {} : carrier) })
  return {
    ...running,
    async close () {
      await running.close()
      if (unpublished.length > 0) throw new Error(`The carrier was asked what it does not publish: ${unpublished.join(' | ')}`)
    }
  }
}
