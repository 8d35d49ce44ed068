// The one way to a tenant's database: finds the tenant, keeps its pool, and leases a connection within the server's budget.
import { setTimeout as pause } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Logger } from 'pino'
import { type Config } from '../config.js'
import { type Keyring } from '../crypto/keyring.js'
import { problem, Problem } from '../errors.js'
import { type Registry } from '../registry/db.js'
import { type RegistryListener } from '../registry/listener.js'
import { AccountDraining } from './budget-refusals.js'
import { tenantPassword } from './credentials.js'
import { TenantDirectory } from './directory.js'
import { leaseOf, type TenantLease } from './lease.js'
import { DatabaseServerConnections, asProblem, type ServerStats } from './server-connections.js'
import { refuseUnlessActive } from './refuse-unless-active.js'
import { TenantPool } from './tenant-pool.js'
import { isTenantId, type DatabaseServer, type Tenant, type TenantDb, type TenantId } from './tenant.js'
import { type Timing } from './timing.js'

export type { TenantLease } from './lease.js'

export interface TenancyOptions {
  registry: Pick<Registry, 'db' | 'connectionString'>
  listener: RegistryListener
  keyring: Keyring
  config: Pick<Config, 'DATABASE_MAX_CONNECTIONS' | 'DATABASE_REGISTRY_CONNECTIONS' | 'DATABASE_CONNECTIONS_PER_TENANT' |
    'DATABASE_WAIT_MS' | 'DATABASE_CONNECT_TIMEOUT_MS' | 'DATABASE_STATEMENT_TIMEOUT_MS' | 'CACHED_TENANTS'>
  log: Logger
  timing?: Timing
}

export interface TenancyStats { servers: ServerStats[], pools: number, leases: number, lookUps: number }

const CHURN = 3
const IDLE_IN_TRANSACTION_MS = 60_000
const CLOSE_TIMEOUT_MS = 5_000

export class Tenancy {
  readonly #options: TenancyOptions
  readonly #directory: TenantDirectory
  readonly #pools: LRUCache<TenantId, TenantPool>
  readonly #servers = new Map<string, DatabaseServerConnections>()
  readonly #draining = new Set<Promise<void>>()
  #leases = 0
  #closed = false

  constructor (options: TenancyOptions) {
    this.#options = options
    const max = options.config.CACHED_TENANTS
    this.#pools = new LRUCache({ max, dispose: (pool, _id, reason) => { this.#drain(pool, reason !== 'evict') } })
    this.#directory = new TenantDirectory({
      registry: options.registry.db,
      listener: options.listener,
      max,
      changed: (id) => { void this.#refresh(id) },
      gap: () => { for (const id of this.#pools.keys()) void this.#refresh(id) }
    })
  }

  /**
   * One connection to the tenant's database, until `release`.
   * @throws Problem TENANT_NOT_FOUND, TENANT_SUSPENDED, TENANT_ARCHIVED, TENANT_MOVING; DATABASE_BUSY when none becomes
   * free in time; DATABASE_UNAVAILABLE when the server or the database does not let us in
   */
  async lease (id: TenantId): Promise<TenantLease> {
    for (;;) {
      if (this.#closed) throw problem('DATABASE_UNAVAILABLE', { detail: 'The service is stopping. Try again in a moment.', retryAfter: 5 })
      const tenant = this.#directory.peek(id) ?? await this.#find(id)
      refuseUnlessActive(tenant)
      const lease = await this.#leaseFrom(tenant)
      if (lease !== undefined) return lease
    }
  }

  /**
   * The same by the facts given, with no look-up and no check of the status: for a tenant that is not yet anybody's.
   * @throws Problem DATABASE_BUSY, DATABASE_UNAVAILABLE
   */
  async leaseOf (tenant: Tenant): Promise<TenantLease> {
    const lease = this.#closed ? undefined : await this.#leaseFrom(tenant)
    if (lease === undefined) throw problem('DATABASE_UNAVAILABLE', { retryAfter: 1 })
    return lease
  }

  /** Runs `use` on a lease and gives it back, however `use` ends. Throws what `lease` and `use` throw. */
  async withTenant<T> (id: TenantId, use: (db: TenantDb, tenant: Tenant) => Promise<T>): Promise<T> {
    const lease = await this.lease(id)
    try {
      return await use(lease.db, lease.tenant)
    } finally {
      lease.release()
    }
  }

  /** This process's connections to a database server, for those who create, migrate and drop databases there. */
  serverFor (server: Pick<DatabaseServer, 'name' | 'host' | 'port'>): DatabaseServerConnections {
    const address = `${server.host}:${server.port}`
    let connections = this.#servers.get(address)
    if (connections === undefined) {
      const { config, timing, registry } = this.#options
      connections = new DatabaseServerConnections(server, {
        // The registry's own connections count on the server it lives on.
        connections: config.DATABASE_MAX_CONNECTIONS - (isAt(registry.connectionString, server) ? config.DATABASE_REGISTRY_CONNECTIONS : 0),
        perAccount: config.DATABASE_CONNECTIONS_PER_TENANT,
        waitMs: config.DATABASE_WAIT_MS,
        churn: CHURN
      }, {
        max: config.DATABASE_CONNECTIONS_PER_TENANT,
        connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
        statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
        idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
        closeTimeoutMs: CLOSE_TIMEOUT_MS
      }, timing)
      this.#servers.set(address, connections)
    }
    return connections
  }

  /** Forgets a tenant and closes its connections once they are free; resolves when none is left. The next lease starts afresh. */
  async drain (id: TenantId): Promise<void> {
    this.#directory.forget(id)
    const pool = this.#pools.get(id)
    this.#pools.delete(id)
    await pool?.drain(true)
  }

  stats (): TenancyStats {
    return {
      servers: [...this.#servers.values()].map((server) => server.stats()),
      pools: this.#pools.size,
      leases: this.#leases,
      lookUps: this.#directory.lookUps
    }
  }

  /** Refuses new leases, waits for those in flight at most `limitMs` milliseconds, and closes every connection that is free. */
  async close (limitMs = 10_000): Promise<void> {
    this.#closed = true
    this.#directory.close()
    this.#pools.clear()
    const stop = new AbortController()
    const limit = pause(limitMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined)
    await Promise.race([Promise.all(this.#draining), limit])
    stop.abort()
  }

  /** Undefined when the tenant changed while we stood in line: its new facts decide. */
  async #leaseFrom (tenant: Tenant): Promise<TenantLease | undefined> {
    const pool = this.#poolOf(tenant)
    try {
      const slot = await pool.acquire()
      this.#leases++
      return leaseOf(pool, tenant, slot, () => { this.#leases-- })
    } catch (error) {
      if (error instanceof AccountDraining) return undefined
      throw this.#explain(error, tenant)
    }
  }

  async #find (id: TenantId): Promise<Tenant | undefined> {
    if (!isTenantId(id)) return undefined
    try {
      return await this.#directory.find(id)
    } catch (error) {
      this.#options.log.error({ err: error }, 'the registry did not answer')
      throw problem('DATABASE_UNAVAILABLE', { retryAfter: 1, cause: error })
    }
  }

  #poolOf (tenant: Tenant): TenantPool {
    const cached = this.#pools.get(tenant.id)
    if (cached?.tenant === tenant) return cached
    if (cached?.serves(tenant) === true) {
      cached.tenant = tenant
      return cached
    }
    const pool = new TenantPool(tenant, this.serverFor(tenant.server), () => tenantPassword(this.#options.keyring, tenant))
    this.#pools.set(tenant.id, pool)
    return pool
  }

  /** After a change: a pool that no longer fits drains now, not at the next request. */
  async #refresh (id: TenantId): Promise<void> {
    const pool = this.#pools.peek(id)
    if (pool === undefined) return
    try {
      const tenant = await this.#directory.find(id)
      if (this.#pools.peek(id) === pool && (tenant === undefined || !pool.serves(tenant))) this.#pools.delete(id)
    } catch (error) {
      this.#options.log.warn({ err: error, tenantId: id }, 'a changed tenant could not be looked up; its next request will')
    }
  }

  #drain (pool: TenantPool, refuseLine: boolean): void {
    const drained = pool.drain(refuseLine).finally(() => this.#draining.delete(drained))
    this.#draining.add(drained)
  }

  #explain (error: unknown, tenant: Tenant): unknown {
    const known = asProblem(error)
    if (known instanceof Problem) return known
    this.#options.log.error({ err: error, tenantId: tenant.id, server: tenant.server.name }, 'a tenant\'s database could not be reached')
    return problem('DATABASE_UNAVAILABLE', { retryAfter: 1, cause: error })
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
