// What PostgreSQL says when a query was good but its plan or its database was not ready for it.
import pg from 'pg'

/** SQLSTATE feature_not_supported, here "cached plan must not change result type": the table changed under a prepared statement. */
const STALE_PLAN = '0A000'
/** SQLSTATE read_only_sql_transaction: the database takes no writes, which it does while it is moved. */
const READ_ONLY = '25006'

export function isRefusedWrite (error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === READ_ONLY
}

export function isStalePlan (error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === STALE_PLAN && error.message.startsWith('cached plan')
}
