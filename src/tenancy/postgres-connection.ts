// One physical connection to a tenant's database, as its leases and whoever closes it see it.
import { type PoolClient } from 'pg'
import { type Statement } from './prepared-query.js'
import { type TransactionLimits } from './transaction-limits.js'

export interface PostgresConnection {
  readonly client: PoolClient
  /** The statements prepared on it, by name; undefined where names do not last. */
  readonly statements: Map<string, Statement> | undefined
  /** A table has changed under a statement: names stay bound to what it was in the sessions that share this. */
  readonly plans: { stale: boolean }
  /** To be said in each transaction; undefined where the session has them. */
  readonly limits: TransactionLimits | undefined
  /** Nothing has been run on it yet. */
  fresh: boolean
  /** Statements sent and not answered yet. */
  running: number
  /** Settles when the last running statement is answered. */
  onQuiet: (() => void) | undefined
  /** The server has closed it, or is about to. */
  broken: boolean
  /** It works, but must not serve another lease. */
  unfit: boolean
}
