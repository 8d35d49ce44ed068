// `koinonia serve`, which is `npm start`: the API with its worker, and on a laptop everything around it.
import { type Command } from 'commander'
import { type FastifyInstance } from 'fastify'
import { join } from 'node:path'
import { type Logger } from 'pino'
import { buildApp } from '../app.js'
import { type Config, ConfigError, loadConfig } from '../config.js'
import { keepSparesWarm, refillSpares } from '../features/auth/refill-spares.js'
import { createLogger } from '../log.js'
import { awaitRegistry } from '../registry/await-registry.js'
import { migrateRegistry } from '../registry/migrate.js'
import { carrier, carrierApiPath } from '../sandbox/carrier/carrier.js'
import { loadSigningKey, type SigningKey } from '../sandbox/carrier/signing-key.js'
import { openServices } from '../services.js'
import { seedDemo } from './demo.js'
import { freePort } from './free-port.js'
import { locateRegistry } from './registry-url.js'
import { stopOnSignal } from './until-stopped.js'
import { startJobs } from './worker.js'

export function serveCommand (command: Command): void {
  command
    .option('--no-worker', 'leave background jobs to `koinonia worker`')
    .option('--no-demo', 'do not make the demo church on the first start')
    .action(async (options: { worker: boolean, demo: boolean }) => {
      const settings = await withPort(loadConfig())
      await serve(settings, createLogger(settings), options)
    })
}

async function serve (settings: Config, log: Logger, options: { worker: boolean, demo: boolean }): Promise<void> {
  const tell = (step: string): void => { if (settings.NODE_ENV === 'development') console.log(`· ${step}`) }
  const opened: Array<() => Promise<void>> = []
  const close = async (): Promise<void> => {
    for (let next = opened.pop(); next !== undefined; next = opened.pop()) await next()
  }
  stopOnSignal(close, settings.WORKER_DRAIN_MS + 15_000, log)
  try {
    await open(settings, { log, tell, opened, ...options })
  } catch (error) {
    await close()
    throw error
  }
}

interface Opening {
  log: Logger
  tell: (step: string) => void
  /** How to close what has been opened, in the order of opening. */
  opened: Array<() => Promise<void>>
  worker: boolean
  demo: boolean
}

async function open (settings: Config, { log, tell, opened, worker, demo }: Opening): Promise<void> {
  const registry = await locateRegistry(settings, log, tell)
  opened.push(registry.close)
  const { config, sandboxKey } = withSandbox(settings)
  await awaitRegistry(registry.url, log)
  await migrateRegistry(registry.url, log, tell)
  const services = await openServices(config, registry.url, log)
  opened.push(services.close)
  const app = await buildApp(services)
  if (sandboxKey !== undefined) await app.register(carrier, { key: sandboxKey, dataDir: join(config.DATA_DIR, 'sandbox') })
  await services.provisioner.reconcile()
  await listen(app, config)
  const warmth = keepSparesWarm(services)
  opened.push(async () => { warmth.close() })
  if (worker) {
    const { stop } = await startJobs(services)
    opened.push(stop)
    tell('keeping a spare database ready')
    await refillSpares(services)
  }
  opened.push(() => app.close())
  if (sandboxKey !== undefined && config.NODE_ENV === 'development') await welcome(app, config, demo)
  else log.info({ url: config.PUBLIC_URL }, 'serving')
}

async function listen (app: FastifyInstance, { HOST, PORT }: Config): Promise<void> {
  try {
    await app.listen({ host: HOST, port: PORT })
  } catch (error) {
    await app.close()
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ConfigError(`Port ${PORT} of ${HOST} is in use, perhaps by another Koinonia. Stop that one, or choose another port: PORT=${PORT + 1} npm start`, { cause: error })
  }
}

/** Chosen before we listen, because carriers are told where to post before that. */
async function withPort (settings: Config): Promise<Config> {
  return settings.PORT === 0 ? { ...settings, PORT: await freePort(settings.HOST) } : settings
}

/** Without a carrier's key the sandbox takes its place, at this service's own address. */
function withSandbox (settings: Config): { config: Config, sandboxKey: SigningKey | undefined } {
  const url = `http://${settings.HOST === '0.0.0.0' ? '127.0.0.1' : settings.HOST}:${settings.PORT}`
  const PUBLIC_URL = settings.PUBLIC_URL ?? url
  if (settings.TELNYX_API_KEY !== undefined) return { config: { ...settings, PUBLIC_URL }, sandboxKey: undefined }
  const sandboxKey = loadSigningKey(join(settings.DATA_DIR, 'sandbox'))
  return {
    config: {
      ...settings,
      PUBLIC_URL,
      SEND_RATE_ACCOUNT_SMS: settings.SEND_RATE_ACCOUNT_SMS ?? 0,
      SEND_RATE_ACCOUNT_MMS: settings.SEND_RATE_ACCOUNT_MMS ?? 0,
      QUIET_HOURS: settings.QUIET_HOURS ?? 'ignored',
      DEAD_LETTER_AFTER_HOURS: settings.DEAD_LETTER_AFTER_HOURS ?? 0,
      TELNYX_API_KEY: 'sandbox',
      TELNYX_BASE_URL: url + carrierApiPath,
      TELNYX_PUBLIC_KEY: sandboxKey.publicKey,
      INBOUND_MEDIA_PRIVATE: true
    },
    sandboxKey
  }
}

async function welcome (app: FastifyInstance, config: Config, makeDemo: boolean): Promise<void> {
  const url = config.PUBLIC_URL ?? ''
  console.log(`\nKoinonia is running.\n\n  API          ${url}/api\n  Reference    ${url}/docs\n  Phones       ${url}/sandbox\n  Data         ${config.DATA_DIR}`)
  const demo = makeDemo ? await quietly(app, () => seedDemo(app)) : undefined
  if (demo !== undefined) {
    console.log(`  Demo church  ${demo.email} / ${demo.password}\n\nSend its members a text, and watch their phones:\n\n${demo.curl(url)}\n`)
  }
}

/** The demo's own requests would bury what a newcomer is to read. */
async function quietly<T> (app: FastifyInstance, work: () => Promise<T>): Promise<T> {
  const { level } = app.log
  app.log.level = 'warn'
  try {
    return await work()
  } finally {
    app.log.level = level
  }
}
