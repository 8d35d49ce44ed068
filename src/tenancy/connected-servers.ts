// The database servers this process has to do with: one budget and one breaker for each address.
import { type Config, tenantPoolers } from '../config.js'
import { Pooler } from './pooler.js'
import { DatabaseServerConnections, type ServerStats } from './server-connections.js'
import { type SharedServer } from './shares/connection-shares.js'
import { type ServerAddress } from './tenant.js'
import { type Timing } from './timing.js'

export type ServerLimits = Pick<Config, 'DATABASE_MAX_CONNECTIONS' | 'DATABASE_REGISTRY_CONNECTIONS' | 'DATABASE_CONNECTIONS_PER_TENANT' |
  'DATABASE_WAIT_MS' | 'DATABASE_CONNECT_TIMEOUT_MS' | 'DATABASE_STATEMENT_TIMEOUT_MS' | 'TENANT_SERVERS' | 'TENANT_POOLERS'>

const CHURN = 3
const IDLE_IN_TRANSACTION_MS = 60_000
const CLOSE_TIMEOUT_MS = 5_000

export class ConnectedServers {
  readonly #servers = new Map<string, DatabaseServerConnections>()
  readonly #poolers: Map<string, { host: string, port: number }>
  readonly #config: ServerLimits
  readonly #registryUrl: string
  readonly #timing: Timing | undefined
  #shared = false

  readonly #waited: ((server: string, ms: number) => void) | undefined

  constructor (config: ServerLimits, registryUrl: string, timing: Timing | undefined, waited?: (server: string, ms: number) => void) {
    this.#config = config
    this.#poolers = tenantPoolers(config)
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

  /** From now on nothing is opened anywhere but by the shares that are given to what this returns. */
  share (known: readonly ServerAddress[]): () => SharedServer[] {
    this.#shared = true
    const registry = addressOf(this.#registryUrl)
    for (const server of known) this.at(server).budget.resize(0)
    let elsewhere = 0
    // Where no tenants are the registry's own connections are all there is.
    const registryAlone: SharedServer = {
      address: `${registry.host}:${registry.port}`, reserved: this.#config.DATABASE_REGISTRY_CONNECTIONS, used: () => 0, limit: () => elsewhere, resize: (connections) => { elsewhere = connections }
    }
    return () => {
      const shared = [...this.#servers.entries()].map(([address, { budget, address: server }]): SharedServer => ({
        address,
        reserved: isAt(this.#registryUrl, server) ? this.#config.DATABASE_REGISTRY_CONNECTIONS : 0,
        used: () => budget.stats().used,
        limit: () => budget.limits.connections,
        resize: (connections) => { budget.resize(connections) }
      }))
      return shared.some(({ reserved }) => reserved > 0) ? shared : [registryAlone, ...shared]
    }
  }

  stats (): ServerStats[] {
    return [...this.#servers.values()].map((server) => server.stats())
  }

  #open (server: ServerAddress): DatabaseServerConnections {
    const config = this.#config
    const pooler = this.#poolers.get(server.name)
    return new DatabaseServerConnections(server, {
      // The registry's own connections count on the server it lives on.
      connections: this.#shared ? 0 : config.DATABASE_MAX_CONNECTIONS - (isAt(this.#registryUrl, server) ? config.DATABASE_REGISTRY_CONNECTIONS : 0),
      perAccount: config.DATABASE_CONNECTIONS_PER_TENANT,
      waitMs: config.DATABASE_WAIT_MS,
      churn: CHURN
    }, {
      max: config.DATABASE_CONNECTIONS_PER_TENANT,
      connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
      statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
      idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
      closeTimeoutMs: CLOSE_TIMEOUT_MS
    }, this.#timing, this.#waited, pooler && new Pooler(pooler.host, pooler.port))
  }
}

function addressOf (url: string): { host: string, port: number } {
  const { hostname, port, searchParams } = new URL(url)
  return { host: searchParams.get('host') ?? decodeURIComponent(hostname), port: Number(port === '' ? '5432' : port) }
}

/** Whether a URL leads to this server: all names of this machine are one. */
export function isAt (url: string, server: { host: string, port: number }): boolean {
  const { host, port } = addressOf(url)
  return port === server.port && (host === server.host || (isLocal(host) && isLocal(server.host)))
}

function isLocal (host: string): boolean {
  return host === '' || host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.') || host.startsWith('/')
}
