// Fails a dead server's requests fast: one breaker a database server, so no other server's tenants feel it.
import { isOutOfReach } from '../registry/server-failure.js'
import { type OpeningGate } from './opening-gate.js'
import { isRefusedPassword } from './refused-password.js'
import { type Timing } from './timing.js'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** The server has not answered lately; the next attempt is `retryAfterMs` away. */
export class ServerUnavailable extends Error {
  override name = 'ServerUnavailable'
  constructor (server: string, readonly retryAfterMs: number, cause: Error | undefined) {
    super(`Database server ${server} does not answer`, { cause })
  }
}

const FAILURES_TO_OPEN = 3
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/**
 * Consecutive failures of the server itself open it. After a pause (doubling up to 15 s) one opening is let through as
 * a probe while others wait for its outcome; success closes the breaker.
 */
export class Breaker implements OpeningGate {
  #state: BreakerState = 'closed'
  #failures = 0
  #pauseMs = FIRST_PAUSE_MS
  #retryAt = 0
  #cause: Error | undefined
  #trips = 0

  constructor (readonly server: string, readonly timing: Timing) {}

  get state (): BreakerState { return this.#state }

  get trips (): number { return this.#trips }

  refusal (): Error | undefined {
    const remaining = this.#retryAt - this.timing.now()
    if (this.#state !== 'open' || remaining <= 0) return undefined
    return new ServerUnavailable(this.server, remaining, this.#cause)
  }

  mayOpen (): boolean {
    if (this.#state === 'half-open' || this.refusal() !== undefined) return false
    if (this.#state === 'open') this.#state = 'half-open'
    return true
  }

  opened (): void {
    this.#state = 'closed'
    this.#failures = 0
    this.#pauseMs = FIRST_PAUSE_MS
    this.#cause = undefined
  }

  failed (error: Error): void {
    // A refused password is an answer: the server is well.
    if (!isServerFailure(error)) {
      this.opened()
      return
    }
    this.#failures++
    this.#cause = error
    if (this.#state === 'open' || (this.#state === 'closed' && this.#failures < FAILURES_TO_OPEN)) return
    this.#state = 'open'
    this.#trips++
    this.#retryAt = this.timing.now() + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }
}

/** True for what concerns the whole server; a password that it or a pooler refuses concerns one tenant. */
export function isServerFailure (error: Error): boolean {
  return !isRefusedPassword(error) && isOutOfReach(error)
}
