// The one way to a tenant's database: finds the tenant, keeps its pool, and leases a connection within the server's budget.
import { setTimeout as pause } from 'node:timers/promises'
import { type Logger } from 'pino'
import { type Config } from '../config.js'
import { type Keyring } from '../crypto/keyring.js'
import { problem, Problem } from '../errors.js'
import { type Registry } from '../registry/db.js'
import { type RegistryListener } from '../registry/listener.js'
import { type Tracing } from '../tracing.js'
import { AccountDraining } from './budget-refusals.js'
import { busiest, type Measure } from './busiest-tenants.js'
import { ConnectedServers, type ServerLimits } from './connected-servers.js'
import { tenantPassword } from './credentials.js'
import { TenantDirectory } from './directory.js'
import { leaseOf, type TenantLease } from './lease.js'
import { PoolCache, type PoolCounts } from './pool-cache.js'
import { isRefusedPassword } from './refused-password.js'
import { refuseUnlessActive } from './refuse-unless-active.js'
import { currentSchemaVersion } from './schema-version.js'
import { type DatabaseServerConnections, asProblem, type ServerStats } from './server-connections.js'
import { type SharedServer } from './shares/connection-shares.js'
import { type TenantFigures, TenantPool } from './tenant-pool.js'
import { isTenantId, type ServerAddress, type Tenant, type TenantDb, type TenantId } from './tenant.js'
import { type Timing } from './timing.js'

export type { TenantLease } from './lease.js'

export interface TenancyOptions {
  registry: Pick<Registry, 'db' | 'connectionString'>
  listener: RegistryListener
  keyring: Keyring
  config: ServerLimits & Pick<Config, 'CACHED_TENANTS'>
  log: Logger
  timing?: Timing
  /** Brings a tenant whose database is behind this code up to date, or refuses; without it such a tenant is served as it is. */
  catchUp?: (tenant: Tenant) => Promise<void>
  /** Told of everyone who stood in a server's line for a connection, served or not: for how many milliseconds. */
  waited?: (server: string, ms: number) => void
  tracing?: Tracing | undefined
}

export interface TenancyStats { servers: Array<ServerStats & PoolCounts>, pools: number, leases: number, lookUps: number }

export class Tenancy {
  readonly #options: TenancyOptions
  readonly #directory: TenantDirectory
  readonly #pools: PoolCache
  readonly #servers: ConnectedServers
  #leases = 0
  #closed = false

  constructor (options: TenancyOptions) {
    const { registry, listener, keyring, config, timing, waited } = options
    const max = config.CACHED_TENANTS
    this.#options = options
    this.#servers = new ConnectedServers(config, registry.connectionString, timing, waited)
    this.#pools = new PoolCache(max, (tenant) => new TenantPool(tenant, this.#servers.at(tenant.server), (version) => tenantPassword(keyring, { ...tenant, credentialVersion: version })))
    this.#directory = new TenantDirectory({
      registry: registry.db,
      listener,
      max,
      changed: (id) => { void this.#refresh(id) },
      gap: () => { for (const id of this.#pools.ids()) void this.#refresh(id) }
    })
  }

  /**
   * One connection to the tenant's database, until `release`.
   * While the tenant is moved its `db` reads, and throws Problem TENANT_MOVING where it should write.
   * @throws Problem TENANT_NOT_FOUND, TENANT_SUSPENDED, TENANT_ARCHIVED, TENANT_BEHIND; DATABASE_BUSY when none becomes free in
   * time; DATABASE_UNAVAILABLE when the server or the database does not let us in
   */
  async lease (id: TenantId): Promise<TenantLease> {
    const { tracing } = this.#options
    return tracing === undefined ? await this.#lease(id) : await tracing.part('tenant lease', { 'koinonia.tenant.id': id }, () => this.#lease(id))
  }

  /**
   * The same by the facts given, with no look-up and no check of the status: for a tenant that is not yet anybody's.
   * `worth`: as how many requests it counts from now on when a connection must be closed to make place for another's.
   * @throws Problem DATABASE_BUSY, DATABASE_UNAVAILABLE
   */
  async leaseOf (tenant: Tenant, worth = 1): Promise<TenantLease> {
    const lease = this.#closed ? undefined : await this.#leaseFrom(tenant, worth)
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
  serverFor (server: ServerAddress): DatabaseServerConnections {
    return this.#servers.at(server)
  }

  /** For a process whose connections are a share of all processes': nothing is opened but by it. `known`: servers it will want. */
  shareConnections (known: readonly ServerAddress[]): () => SharedServer[] {
    return this.#servers.share(known)
  }

  /** Forgets a tenant and closes its connections once they are free; resolves when none is left. The next lease starts afresh. */
  async drain (id: TenantId): Promise<void> {
    this.#directory.forget(id)
    await this.#pools.drain(id)
  }

  /** The tenants that ask, wait or hold the most in this process. */
  busiest (by: Measure, most: number): TenantFigures[] {
    return busiest(this.#pools.all(), by, most)
  }

  stats (): TenancyStats {
    return {
      servers: this.#servers.stats().map((server) => ({ ...server, ...this.#pools.on(server.server) })),
      pools: this.#pools.size,
      leases: this.#leases,
      lookUps: this.#directory.lookUps
    }
  }

  /** Refuses new leases, waits for those in flight at most `limitMs` milliseconds, and closes every connection that is free. */
  async close (limitMs = 10_000): Promise<void> {
    this.#closed = true
    this.#directory.close()
    const stop = new AbortController()
    const limit = pause(limitMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined)
    await Promise.race([this.#pools.drainAll(), limit])
    stop.abort()
  }

  async #lease (id: TenantId): Promise<TenantLease> {
    for (;;) {
      if (this.#closed) throw problem('DATABASE_UNAVAILABLE', { detail: 'The service is stopping. Try again in a moment.', retryAfter: 5 })
      const tenant = this.#directory.peek(id) ?? await this.#find(id)
      refuseUnlessActive(tenant)
      if (tenant.schemaVersion < currentSchemaVersion() && await this.#catchUp(tenant)) continue
      const lease = await this.#leaseFrom(tenant)
      if (lease !== undefined) return lease
    }
  }

  /** True when the tenant is to be looked up again. One that newer code has migrated is served. */
  async #catchUp (tenant: Tenant): Promise<boolean> {
    if (this.#options.catchUp === undefined) return false
    if (tenant.status === 'moving') throw problem('TENANT_MOVING', { retryAfter: 2 })
    await this.#options.catchUp(tenant)
    this.#directory.forget(tenant.id)
    return true
  }

  /** Undefined when the tenant changed while we stood in line: its new facts decide. */
  async #leaseFrom (tenant: Tenant, worth?: number): Promise<TenantLease | undefined> {
    const pool = this.#pools.of(tenant)
    try {
      const slot = await pool.acquire(worth)
      this.#leases++
      return leaseOf(pool, tenant, slot, () => { this.#leases-- }, this.#options.tracing)
    } catch (error) {
      if (error instanceof AccountDraining) return undefined
      if (isRefusedPassword(error) && await this.#isOutdated(tenant)) return undefined
      throw this.#explain(error, tenant)
    }
  }

  /** Its password was changed more than once since we looked, and we have not heard of it. */
  async #isOutdated ({ id, credentialVersion }: Tenant): Promise<boolean> {
    this.#directory.forget(id)
    const now = await this.#find(id)
    return now !== undefined && now.credentialVersion !== credentialVersion
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

  /** After a change: a pool that no longer fits drains now, not at the next request. */
  async #refresh (id: TenantId): Promise<void> {
    try {
      await this.#pools.recheck(id, (changed) => this.#directory.find(changed))
    } catch (error) {
      this.#options.log.warn({ err: error, tenantId: id }, 'a changed tenant could not be looked up; its next request will')
    }
  }

  #explain (error: unknown, tenant: Tenant): unknown {
    const known = asProblem(error)
    if (known instanceof Problem) return known
    this.#options.log.error({ err: error, tenantId: tenant.id, server: tenant.server.name }, 'a tenant\'s database could not be reached')
    return problem('DATABASE_UNAVAILABLE', { retryAfter: 1, cause: error })
  }
}
