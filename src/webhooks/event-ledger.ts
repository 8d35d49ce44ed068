// Writes what providers post into the ledger, many at a time: requests that arrive while one commit is under way share the next.
import { type Problem, problem } from '../errors.js'
import { type LedgerEvent } from './queries.js'

export interface LedgerLimits {
  /** Rows of one commit. */
  batch: number
  /** Events waiting for a commit; above it a caller is told to come again. */
  waiting: number
  /** Milliseconds an event may wait for its commit: carriers give up after two seconds. */
  deadlineMs: number
}

const defaultLimits = { batch: 64, waiting: 2_000, deadlineMs: 1_600 } satisfies LedgerLimits

interface Waiting { event: LedgerEvent, settle: (failure?: Problem) => void }

export class EventLedger {
  readonly #insert: (events: readonly LedgerEvent[]) => Promise<unknown>
  readonly #limits: LedgerLimits
  #waiting: Waiting[] = []
  #flush: Promise<void> | undefined

  constructor (insert: (events: readonly LedgerEvent[]) => Promise<unknown>, limits: Partial<LedgerLimits> = {}) {
    this.#insert = insert
    this.#limits = { ...defaultLimits, ...limits }
  }

  /**
   * Resolves once the event is committed, now or by an earlier delivery of it.
   * @throws Problem WEBHOOK_OVERLOADED when too many wait or the commit takes too long (it may still come: sending again is
   * harmless), DATABASE_UNAVAILABLE when the ledger cannot be written, WEBHOOK_MALFORMED when it cannot hold this event
   */
  record (event: LedgerEvent): Promise<void> {
    if (this.#waiting.length >= this.#limits.waiting) return Promise.reject(overloaded())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { reject(overloaded()) }, this.#limits.deadlineMs)
      this.#waiting.push({
        event,
        settle: (failure) => {
          clearTimeout(timer)
          if (failure === undefined) resolve()
          else reject(failure)
        }
      })
      this.#flush ??= this.#flushAll()
    })
  }

  /** Resolves when nothing waits any more. */
  async close (): Promise<void> {
    await this.#flush
  }

  async #flushAll (): Promise<void> {
    while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0, this.#limits.batch))
    this.#flush = undefined
  }

  async #write (batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#insert(batch.map(({ event }) => event))
      for (const { settle } of batch) settle()
    } catch (error) {
      if (!isDataFault(error)) for (const { settle } of batch) settle(problem('DATABASE_UNAVAILABLE', { retryAfter: 1, cause: error }))
      // One row that cannot be stored fails its whole statement: alone, it fails by itself.
      else if (batch.length > 1) for (const one of batch) await this.#write([one])
      else batch[0]?.settle(problem('WEBHOOK_MALFORMED', { cause: error }))
    }
  }
}

function overloaded (): Problem {
  return problem('WEBHOOK_OVERLOADED', { retryAfter: 1 })
}

/** SQLSTATE classes 22, data exception, and 23, constraint violation, and 54, program limit exceeded: the row is at fault, not the server. */
function isDataFault (error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(22|23|54)/.test(error.code)
}
