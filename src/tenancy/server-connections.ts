// Everything this process holds of one database server: the budget, the breaker, and connections outside any tenant's pool.
import { type ClientBase } from 'pg'
import { problem, Problem } from '../errors.js'
import { Breaker, ServerUnavailable, type BreakerState } from './breaker.js'
import { type BudgetLimits } from './budget-policy.js'
import { AccountDraining, BudgetWaitExceeded } from './budget-refusals.js'
import { ConnectionBudget, type BudgetStats } from './connection-budget.js'
import { type Pooler } from './pooler.js'
import { type PostgresConnection } from './postgres-connection.js'
import { type ConnectionSettings, type ConnectionTarget } from './connection-target.js'
import { PostgresConnector } from './postgres-connector.js'
import { type ServerAddress } from './tenant.js'
import { systemTiming, type Timing } from './timing.js'

export interface ServerStats extends BudgetStats {
  server: string
  limit: number
  breaker: BreakerState
  /** How often it opened, and opened again after a probe that failed. */
  breakerTrips: number
}

export class DatabaseServerConnections {
  readonly breaker: Breaker
  readonly budget: ConnectionBudget<PostgresConnection>

  constructor (
    readonly address: ServerAddress,
    limits: BudgetLimits,
    readonly settings: ConnectionSettings,
    timing: Timing = systemTiming,
    waited?: (server: string, ms: number) => void,
    /** What tenants' connections go through, and count towards the budget all the same. */
    readonly pooler?: Pooler
  ) {
    this.breaker = new Breaker(address.name, timing)
    this.budget = new ConnectionBudget(limits, timing, this.breaker, (ms) => waited?.(address.name, ms))
  }

  get limits (): BudgetLimits { return this.budget.limits }

  /**
   * A connection of its own for what no tenant pool is for (creating databases, migrating): charged to the same budget,
   * closed and gone from the server when the promise settles. Directly, unless the target names a pooler.
   * @throws Problem DATABASE_BUSY, DATABASE_UNAVAILABLE
   */
  async withConnection<T> (target: Omit<ConnectionTarget, 'host' | 'port'>, use: (client: ClientBase) => Promise<T>): Promise<T> {
    const { host, port } = target.pooler ?? this.address
    const connector = new PostgresConnector({ ...target, host, port }, this.settings)
    const account = this.budget.account(`database ${target.database}`, connector)
    try {
      const slot = await this.budget.acquire(account)
      try {
        return await use(slot.connection.client)
      } finally {
        this.budget.release(slot, false)
      }
    } catch (error) {
      throw asProblem(error)
    } finally {
      await this.budget.drain(account, true)
      await connector.end()
    }
  }

  stats (): ServerStats {
    return { server: this.address.name, limit: this.limits.connections, breaker: this.breaker.state, breakerTrips: this.breaker.trips, ...this.budget.stats() }
  }
}

/** What a caller hears when the budget gave no connection; other errors are returned as they are. */
export function asProblem (error: unknown): unknown {
  if (error instanceof Problem || error instanceof AccountDraining) return error
  if (error instanceof BudgetWaitExceeded) return problem('DATABASE_BUSY', { retryAfter: 1, cause: error })
  if (error instanceof ServerUnavailable) {
    return problem('DATABASE_UNAVAILABLE', { retryAfter: Math.max(1, Math.ceil(error.retryAfterMs / 1_000)), cause: error })
  }
  return error
}
