// What becomes of a request whose tenant's database is behind this code: it waits for the migration, which is made once, or is answered 503.
import { LRUCache } from 'lru-cache'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { problem } from '../../errors.js'
import { type Provisioning } from '../provisioning.js'
import { currentSchemaVersion } from '../schema-version.js'
import { type Tenant, type TenantId } from '../tenant.js'
import { Turns } from '../turns.js'
import { recordCaughtUp, recordNotCaughtUp } from './claim-queries.js'
import { type FleetTiming } from './fleet-timing.js'
import { errorText, reachDatabase } from './migrate-claimed.js'

export interface CatchUpPolicy {
  behind: 'migrate' | 'refuse'
  /** How long a request waits, in milliseconds. The migration goes on without it. */
  waitMs: number
  timing: FleetTiming
  /** Told of each migration made for a request. */
  ended?: (outcome: 'migrated' | 'failed') => void
}

/** For so long requests of a tenant whose migration has failed are refused without another attempt, in milliseconds. */
const FAILED_FOR_MS = 30_000
/** Tenants in line; those beyond are told to come again. */
const LONGEST_LINE = 500

export class CatchUp {
  readonly #work: Provisioning
  readonly #policy: CatchUpPolicy
  readonly #flights = new Map<TenantId, Promise<boolean>>()
  readonly #failed = new LRUCache<TenantId, true>({ max: 10_000, ttl: FAILED_FOR_MS })
  readonly #turns = new Turns({ atOnce: 2 * availableParallelism(), longestLine: LONGEST_LINE })

  constructor (work: Provisioning, policy: CatchUpPolicy) {
    this.#work = work
    this.#policy = policy
  }

  /**
   * Resolves when the registry says that the tenant is at this code's version. However many ask at once, it is migrated once:
   * in this process by one flight, over processes by the lock that a migration holds in the database.
   * @throws Problem TENANT_BEHIND
   */
  async bring (tenant: Tenant): Promise<void> {
    if (this.#policy.behind === 'refuse' || this.#failed.has(tenant.id)) throw problem('TENANT_BEHIND', { retryAfter: 30 })
    const stop = new AbortController()
    const limit = pause(this.#policy.waitMs, 'late' as const, { signal: stop.signal, ref: false }).catch(() => 'late' as const)
    const done = await Promise.race([this.#flight(tenant), limit])
    stop.abort()
    if (done !== true) throw problem('TENANT_BEHIND', { retryAfter: done === 'late' ? 2 : 30 })
  }

  #flight (tenant: Tenant): Promise<boolean> {
    let flight = this.#flights.get(tenant.id)
    if (flight === undefined) {
      flight = this.#migrate(tenant).finally(() => { this.#flights.delete(tenant.id) })
      this.#flights.set(tenant.id, flight)
    }
    return flight
  }

  /** False when it failed, which is then on record. */
  async #migrate (tenant: Tenant): Promise<boolean> {
    const { registry, log } = this.#work
    const begun = performance.now()
    try {
      const advance = await this.#turns.take(() => reachDatabase(this.#work, tenant, {
        server: tenant.server.name, target: currentSchemaVersion(), direction: 'up', timing: this.#policy.timing
      }))
      if (advance === undefined) return false
      await recordCaughtUp(registry, tenant.id, advance.version, Math.round(performance.now() - begun))
      this.#policy.ended?.('migrated')
      log.info({ tenantId: tenant.id, version: advance.version, applied: advance.applied }, 'a tenant was migrated for a request')
      return true
    } catch (error) {
      this.#failed.set(tenant.id, true)
      this.#policy.ended?.('failed')
      log.error({ err: error, tenantId: tenant.id }, 'a tenant could not be migrated for a request')
      await recordNotCaughtUp(registry, tenant.id, errorText(error)).catch((unrecorded: unknown) => {
        log.error({ err: unrecorded, tenantId: tenant.id }, 'that could not be recorded')
      })
      return false
    }
  }
}
