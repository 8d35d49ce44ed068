// The pools of the tenants used lately; one that is evicted, replaced or dropped drains by itself.
import { LRUCache } from 'lru-cache'
import { type TenantPool } from './tenant-pool.js'
import { type Tenant, type TenantId } from './tenant.js'

/** `evicted`: since the start, because too many were remembered. */
export interface PoolCounts { pools: number, evicted: number }

export class PoolCache {
  readonly #pools: LRUCache<TenantId, TenantPool>
  readonly #draining = new Set<Promise<void>>()
  readonly #make: (tenant: Tenant) => TenantPool
  readonly #counts = new Map<string, PoolCounts>()

  constructor (max: number, make: (tenant: Tenant) => TenantPool) {
    this.#make = make
    this.#pools = new LRUCache({ max, dispose: (pool, _id, reason) => { this.#forget(pool, reason === 'evict') } })
  }

  get size (): number { return this.#pools.size }

  on (server: string): PoolCounts {
    let counts = this.#counts.get(server)
    if (counts === undefined) this.#counts.set(server, counts = { pools: 0, evicted: 0 })
    return counts
  }

  all (): Iterable<TenantPool> {
    return this.#pools.values()
  }

  ids (): Iterable<TenantId> {
    return this.#pools.keys()
  }

  /** The pool that connects with these very facts about the tenant; a new one when they have changed. */
  of (tenant: Tenant): TenantPool {
    const cached = this.#pools.get(tenant.id)
    if (cached?.tenant === tenant) return cached
    if (cached?.serves(tenant) === true) {
      cached.tenant = tenant
      return cached
    }
    const pool = this.#make(tenant)
    this.on(pool.server.address.name).pools++
    this.#pools.set(tenant.id, pool)
    return pool
  }

  /** Drops the tenant's pool when the facts now found no longer fit it. Throws what `find` throws. */
  async recheck (id: TenantId, find: (id: TenantId) => Promise<Tenant | undefined>): Promise<void> {
    const pool = this.#pools.peek(id)
    if (pool === undefined) return
    const tenant = await find(id)
    if (this.#pools.peek(id) === pool && (tenant === undefined || !pool.serves(tenant))) this.#pools.delete(id)
  }

  /** Resolves when the tenant has no connection left. */
  async drain (id: TenantId): Promise<void> {
    const pool = this.#pools.get(id)
    this.#pools.delete(id)
    await pool?.drain(true)
  }

  /** Resolves when no pool has a connection left, those dropped before included. */
  async drainAll (): Promise<void> {
    this.#pools.clear()
    await Promise.all(this.#draining)
  }

  #forget (pool: TenantPool, evicted: boolean): void {
    const counts = this.on(pool.server.address.name)
    counts.pools--
    if (evicted) counts.evicted++
    this.#drain(pool, !evicted)
  }

  #drain (pool: TenantPool, refuseLine: boolean): void {
    const drained = pool.drain(refuseLine).finally(() => this.#draining.delete(drained))
    this.#draining.add(drained)
  }
}
