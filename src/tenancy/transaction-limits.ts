// The time limits of a tenant's connection through a pooler: said in every transaction, since nothing of a session lasts there.

interface Limits { statementTimeoutMs: number, idleInTransactionMs: number }

/**
 * A role's own settings would do only for sessions that the pooler opens after each change of them, and startup parameters are
 * refused there. The second limit counts within transactions alone.
 */
export class TransactionLimits {
  /** What follows `begin` in the same message. */
  readonly afterBegin: string
  /** Goes before a text that is a transaction of its own. */
  readonly beforeText: string
  /** The same as a statement, to be sent before another within one implicit transaction: SET LOCAL would warn there. */
  readonly statement: string
  /** What that is prepared as, where it can be. */
  readonly name = 'time_limit'

  constructor ({ statementTimeoutMs, idleInTransactionMs }: Limits) {
    this.beforeText = `set local statement_timeout = ${statementTimeoutMs}; `
    this.afterBegin = `; ${this.beforeText}set local idle_in_transaction_session_timeout = ${idleInTransactionMs}`
    this.statement = `select set_config('statement_timeout', '${statementTimeoutMs}', true)`
  }
}
