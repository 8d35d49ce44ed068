// Everything a request or a job works with, opened in order and closed in reverse.
import { join } from 'node:path'
import { type Pool } from 'pg'
import { type Logger } from 'pino'
import { type Clock, systemClock } from './clock.js'
import { type Config } from './config.js'
import { createKeyring, type Keyring } from './crypto/keyring.js'
import { createPasswords, type Passwords } from './crypto/passwords.js'
import { Background } from './jobs/background.js'
import { JobQueue } from './jobs/job-queue.js'
import { createMetrics, type Metrics } from './metrics.js'
import { type Carrier } from './providers/carrier.js'
import { openArchives, openStorage } from './providers/storage/open-storage.js'
import { type Storage } from './providers/storage/storage.js'
import { tracedCarrier } from './providers/traced-carrier.js'
import { createTelnyxCarrier } from './providers/telnyx/carrier.js'
import { Announcer } from './registry/announcer.js'
import { openRegistry, type RegistryDb } from './registry/db.js'
import { RegistryListener } from './registry/listener.js'
import { CatchUp } from './tenancy/fleet/catch-up.js'
import { fleetTiming } from './tenancy/fleet/fleet-timing.js'
import { Operations } from './tenancy/lifecycle/operations.js'
import { Provisioner } from './tenancy/provisioner.js'
import { ConnectionShares } from './tenancy/shares/connection-shares.js'
import { Tenancy } from './tenancy/tenancy.js'
import { openTracing, type Tracing } from './tracing.js'

/** No more than the carrier's connections that are kept for answers, the one thing that goes on by itself. */
const mostInBackground = 8

export interface Services {
  config: Config
  log: Logger
  clock: Clock
  keyring: Keyring
  passwords: Passwords
  metrics: Metrics
  /** Undefined unless a collector is set. */
  tracing: Tracing | undefined
  registry: RegistryDb
  /** The pool under `registry`, for the job queue's worker. */
  registryPool: Pool
  listener: RegistryListener
  /** Wakes those who listen to a tenant's events, in every process. */
  announcer: Announcer
  tenancy: Tenancy
  provisioner: Provisioner
  /** What takes several steps with a whole tenant: deleting it and the like. */
  operations: Operations
  jobs: JobQueue
  background: Background
  carrier: Carrier
  storage: Storage
  /** Where archives and backups of tenants are kept. */
  archives: Storage
}

export interface OpenServices extends Services {
  /** Stops taking work, lets what runs finish within a limit, then closes every connection. */
  close: () => Promise<void>
}

/** `registryUrl` is the setting, or the embedded server's. Opens lazily: an unreachable database shows at the first query. */
export async function openServices (config: Config, registryUrl: string, log: Logger, clock?: Clock): Promise<OpenServices> {
  const services = prepareServices(config, registryUrl, log, clock, await openTracing(config, log))
  try {
    const shares = await startShares(services, registryUrl)
    await services.listener.start()
    return shares === undefined ? services : { ...services, close: () => leaveShares(services, shares) }
  } catch (error) {
    await services.close()
    throw error
  }
}

/** Before anything else is opened. Undefined without DATABASE_SERVER_CONNECTIONS. */
async function startShares ({ config, registry, tenancy, provisioner, log }: Services, registryUrl: string): Promise<ConnectionShares | undefined> {
  const { DATABASE_SERVER_CONNECTIONS: total, DATABASE_MAX_CONNECTIONS: most } = config
  if (total === undefined) return undefined
  const { servers, owner } = provisioner.work
  const shared = tenancy.shareConnections(servers.names.map((name) => servers.address(name)))
  const shares = new ConnectionShares({ registry, registryUrl, total, most, process: owner, servers: shared, log })
  try {
    await shares.start()
  } catch (error) {
    await shares.leave()
    throw error
  }
  return shares
}

async function leaveShares (services: OpenServices, shares: ConnectionShares): Promise<void> {
  await shares.stop()
  await services.close()
  await shares.leave()
}

/** The same without hearing what other processes change: every look at a tenant asks the registry. */
export function prepareServices (config: Config, registryUrl: string, log: Logger, clock: Clock = systemClock, tracing?: Tracing): OpenServices {
  const keyring = createKeyring(Buffer.from(config.MASTER_KEY, 'base64'))
  const registry = openRegistry(registryUrl, config, log)
  const listener = new RegistryListener({ connectionString: registryUrl, log })
  const metrics = createMetrics()
  // Each needs the other, but nobody is behind before both are there.
  const tenancy: Tenancy = new Tenancy({
    registry,
    listener,
    keyring,
    config,
    log,
    tracing,
    catchUp: (tenant) => catchUp.bring(tenant),
    waited: (server, ms) => { metrics.waits.observe({ server }, ms / 1_000) }
  })
  const provisioner = new Provisioner({ registry: registry.db, tenancy, keyring, config, registryUrl, log })
  const catchUp = new CatchUp(provisioner.work, {
    behind: config.TENANT_BEHIND, waitMs: config.DATABASE_WAIT_MS, timing: fleetTiming, ended: (outcome) => { metrics.catchUps.inc({ outcome }) }
  })
  const telnyx = createTelnyxCarrier(config, log)
  const carrier = tracing === undefined ? telnyx : tracedCarrier(telnyx, tracing)
  const jobs = new JobQueue(registry.db)
  const announcer = new Announcer(registry.db, 'tenant_events', log)
  const background = new Background(log, mostInBackground)
  const storage = openStorage(config)
  const archives = openArchives(config)
  const operations = new Operations({ work: provisioner.work, drain: (id) => tenancy.drain(id), media: storage, archives, spool: join(config.DATA_DIR, 'spool'), onStep: () => undefined })
  const passwords = createPasswords({ memoryKiB: config.ARGON2_MEMORY_KIB, timeCost: config.ARGON2_TIME_COST, parallelism: config.ARGON2_PARALLELISM })
  return {
    config,
    log,
    clock,
    keyring,
    passwords,
    listener,
    announcer,
    tenancy,
    provisioner,
    operations,
    carrier,
    storage,
    archives,
    metrics,
    tracing,
    registry: registry.db,
    registryPool: registry.pool,
    jobs,
    background,
    async close () {
      await background.settle()
      await carrier.close()
      await jobs.flush()
      await announcer.flush()
      await storage.close()
      await archives.close()
      await tenancy.close()
      await listener.close()
      await registry.close()
      await tracing?.close()
    }
  }
}
