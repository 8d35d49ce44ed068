// A tenant's database for the length of one request or job: one connection, given back exactly once.
import { type Tracing } from '../tracing.js'
import { type Slot } from './budget-account.js'
import { LeaseConnection } from './lease-connection.js'
import { queriesOn } from './lease-dialect.js'
import { type PostgresConnection } from './postgres-connection.js'
import { type TenantPool } from './tenant-pool.js'
import { type Tenant, type TenantDb } from './tenant.js'

export interface TenantLease {
  readonly tenant: Tenant
  /**
   * Runs everything on the lease's one connection, statements one after another and prepared by name. A query after
   * `release`, or beside an open transaction, is refused with LeaseMisused.
   */
  readonly db: TenantDb
  /** Nothing has been run on the connection: its first statements will cost more. */
  readonly fresh: boolean
  /** Idempotent. With a statement, stream or transaction unfinished the connection is closed, not used again. */
  release: () => void
}

export function leaseOf (pool: TenantPool, tenant: Tenant, slot: Slot<PostgresConnection>, released: () => void, tracing?: Tracing): TenantLease {
  const connection = new LeaseConnection(slot.connection, tenant, tracing)
  const db = queriesOn(connection)
  const { fresh } = slot.connection
  let held = true
  const release = (): void => {
    if (!held) return
    held = false
    const reusable = connection.clean
    connection.release()
    pool.server.budget.release(slot, reusable)
    released()
  }
  return { tenant, db, fresh, release }
}
