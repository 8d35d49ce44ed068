// The database servers this process has to do with: one budget and one breaker for each address.
import { type Config } from '../config.js'
import { DatabaseServerConnections, type ServerStats } from './server-connections.js'
import { type ServerAddress } from './tenant.js'
import { type Timing } from './timing.js'

export type ServerLimits = Pick<Config, 'DATABASE_MAX_CONNECTIONS' | 'DATABASE_REGISTRY_CONNECTIONS' | 'DATABASE_CONNECTIONS_PER_TENANT' |
  'DATABASE_WAIT_MS' | 'DATABASE_CONNECT_TIMEOUT_MS' | 'DATABASE_STATEMENT_TIMEOUT_MS'>

const CHURN = 3
const IDLE_IN_TRANSACTION_MS = 60_000
const CLOSE_TIMEOUT_MS = 5_000

export class ConnectedServers {
  readonly #servers = new Map<string, DatabaseServerConnections>()
  readonly #config: ServerLimits
  readonly #registryUrl: string
  readonly #timing: Timing | undefined

  readonly #waited: ((server: string, ms: number) => void) | undefined

  constructor (config: ServerLimits, registryUrl: string, timing: Timing | undefined, waited?: (server: string, ms: number) => void) {
    this.#config = config
    this.#registryUrl = registryUrl
    this.#timing = timing
    this.#waited = waited
  }

  at (server: ServerAddress): DatabaseServerConnections {
    const address = `${server.host}:${server.port}`
    let connections = this.#servers.get(address)
    if (connections === undefined) {
      connections = this.#open(server)
      this.#servers.set(address, connections)
    }
    return connections
  }

  stats (): ServerStats[] {
    return [...this.#servers.values()].map((server) => server.stats())
  }

  #open (server: ServerAddress): DatabaseServerConnections {
    const config = this.#config
    return new DatabaseServerConnections(server, {
      // The registry's own connections count on the server it lives on.
      connections: config.DATABASE_MAX_CONNECTIONS - (isAt(this.#registryUrl, server) ? config.DATABASE_REGISTRY_CONNECTIONS : 0),
      perAccount: config.DATABASE_CONNECTIONS_PER_TENANT,
      waitMs: config.DATABASE_WAIT_MS,
      churn: CHURN
    }, {
      max: config.DATABASE_CONNECTIONS_PER_TENANT,
      connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
      statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
      idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
      closeTimeoutMs: CLOSE_TIMEOUT_MS
    }, this.#timing, this.#waited)
  }
}

function isAt (url: string, server: { host: string, port: number }): boolean {
  const { hostname, port, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  return Number(port === '' ? '5432' : port) === server.port && (host === server.host || (isLocal(host) && isLocal(server.host)))
}

function isLocal (host: string): boolean {
  return host === '' || host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.') || host.startsWith('/')
}
