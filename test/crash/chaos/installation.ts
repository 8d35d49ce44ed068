// An installation of real processes on a PostgreSQL server of its own, in which anything can be killed at any moment.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { freePort } from '../../../src/cli/free-port.js'
import { loadConfig } from '../../../src/config.js'
import { type RunningCarrier, startCarrier } from '../../../src/sandbox/carrier/start-carrier.js'
import { type OpenServices, prepareServices } from '../../../src/services.js'
import { fastFolder } from '../../helpers/fast-folder.js'
import { until } from '../../helpers/until.js'
import { type Cluster, makeDatabase, startCluster } from './cluster.js'
import { logLevel, Supervised } from './supervised.js'

export const parts = ['api', 'worker', 'postgres'] as const
export type Part = typeof parts[number]

export interface Installation {
  apiUrl: string
  carrier: RunningCarrier
  /** The test's own way to the databases. */
  services: OpenServices
  /** The registry's server first, which is `east`; then those of `moreServers`. */
  clusters: Cluster[]
  /** kill -9, and a new one in its place at once. Resolves when it has been started, not when it serves. */
  replace: (part: Part) => Promise<void>
  /** How often API and worker ended without being killed, and were started again. */
  endedByThemselves: () => number
}

const log = pino({ level: 'silent' })

/** `moreServers`: names of database servers beside the registry's; with any the tenants are placed on all of them. */
export async function install (t: { teardown: (run: () => Promise<void>) => unknown }, settings: Record<string, string>, moreServers: string[] = []): Promise<Installation> {
  const closing: Array<() => Promise<unknown>> = []
  t.teardown(async () => { for (const close of closing.reverse()) await close() })
  const folder = await mkdtemp(join(fastFolder, 'koinonia-chaos-'))
  closing.push(() => rm(folder, { recursive: true, force: true }))
  const names = ['east', ...moreServers]
  const clusters = await Promise.all(names.map(async (name) => {
    const cluster = await startCluster(join(folder, name))
    closing.push(() => cluster.stop())
    return cluster
  }))
  const [east] = clusters
  if (east === undefined) throw new Error('There is no server')
  const carrier = await startCarrier({ sentDelayMs: 5, finalDelayMs: 20, orderDelayMs: 10, retryDelaysMs: [500, 2_000, 5_000], keepMessages: 1_000_000 })
  closing.push(() => carrier.close())

  const port = await freePort()
  const apiUrl = `http://127.0.0.1:${port}`
  const environment = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'test',
    LOG_LEVEL: logLevel,
    DATA_DIR: join(folder, 'data'),
    PORT: String(port),
    PUBLIC_URL: apiUrl,
    REGISTRY_DATABASE_URL: await makeDatabase(east.adminUrl, 'koinonia_registry'),
    SPARE_TENANTS: '0',
    RATE_LIMIT_PER_MINUTE: '100000',
    TELNYX_API_KEY: 'KEY_of_the_tests',
    TELNYX_BASE_URL: carrier.baseUrl,
    TELNYX_PUBLIC_KEY: carrier.publicKey,
    ...(moreServers.length === 0 ? {} : { TENANT_SERVERS: names.map((name, place) => `${name}=${clusters[place]?.adminUrl ?? ''}`).join(',') }),
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
    clusters,
    async replace (part) {
      if (part === 'postgres') {
        await east.kill()
        await east.start()
        return
      }
      await (part === 'api' ? api : worker).kill()
    },
    endedByThemselves: () => api.ended + worker.ended
  }
}

/** Resolves when the API answers as ready. */
export async function serving ({ apiUrl }: Pick<Installation, 'apiUrl'>): Promise<void> {
  await until(async () => (await fetch(`${apiUrl}/health/ready`).catch(() => undefined))?.ok, 60_000)
}
