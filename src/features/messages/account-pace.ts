// One process's share of the carrier account's rate: tokens that it leases for those who wait, a fifth of a second's worth at a time.
import { setTimeout as pause } from 'node:timers/promises'
import { type Logger } from 'pino'
import { type Lease, type LeaseOrder } from './lease-tokens.js'

export interface AccountPaceOptions {
  perSecond: number
  lease: (order: LeaseOrder) => Promise<Lease>
  log: Logger
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number
}

/** Whose waiting can be ended together: nothing but itself. */
export type Party = object

interface Waiting { party: Party, until: number, parts: number, resolve: (mayLeave: boolean) => void, reject: (error: unknown) => void }

const leaseSeconds = 0.2
/** What is held longer is dropped: the others have had that time for it too. */
const heldMs = 1_000
const [leastPauseMs, longestPauseMs] = [20, 250]

/**
 * One lease is under way at a time, for all who wait by then, the longest first. A text of many parts goes when there is a token
 * at all, and what it is short of is charged with the next lease.
 */
export class AccountPace {
  readonly #options: AccountPaceOptions
  readonly #now: () => number
  /** Below zero: what has been taken in advance. */
  #held = 0
  #heldUntil = 0
  #waiting: Waiting[] = []
  #leasing = false

  constructor (options: AccountPaceOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** At once, whatever there is. */
  takeInAdvance (parts: number): void {
    this.#dropStale()
    this.#held -= parts
    if (this.#held < 0) this.#lease()
  }

  /** @returns whether it may leave; false after `waitMs` milliseconds, or when the party is released. @throws what the lease that it waited for threw */
  async take (parts: number, party: Party, waitMs: number): Promise<boolean> {
    this.#dropStale()
    if (this.#waiting.length === 0 && this.#held >= 1) {
      this.#held -= parts
      return true
    }
    const until = this.#now() + waitMs
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ party, until, parts, resolve, reject })
      this.#lease()
    })
  }

  /** Nobody of the party waits any longer. */
  release (party: Party): void {
    this.#sendAway((one) => one.party === party)
  }

  #lease (): void {
    if (this.#leasing) return
    this.#leasing = true
    void this.#leaseForAll()
  }

  async #leaseForAll (): Promise<void> {
    try {
      while (this.#waiting.length > 0 || this.#held < 0) {
        const wanted = this.#wanted()
        const { granted, left } = await this.#leaseOnce(wanted)
        this.#serve()
        if (this.#waiting.length > 0 && granted < wanted) await pause(this.#refillMs(left))
        this.#sendAway(({ until }) => this.#now() >= until)
      }
    } catch (error) {
      const disappointed = this.#waiting.splice(0)
      if (disappointed.length === 0) this.#options.log.warn({ err: error }, 'what answers took of the account\'s rate could not be charged; the next lease charges it')
      for (const { reject } of disappointed) reject(error)
    } finally {
      this.#leasing = false
    }
  }

  async #leaseOnce (wanted: number): Promise<Lease> {
    const owed = Math.max(-this.#held, 0)
    const asked = this.#now()
    this.#held += owed
    try {
      const lease = await this.#options.lease({ wanted, owed })
      this.#held += lease.granted
      this.#heldUntil = asked + heldMs
      return lease
    } catch (error) {
      this.#held -= owed
      throw error
    }
  }

  #serve (): void {
    this.#dropStale()
    while (this.#held >= 1) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#held -= next.parts
      next.resolve(true)
    }
  }

  #wanted (): number {
    const parts = this.#waiting.reduce((sum, one) => sum + one.parts, 0)
    return Math.min(parts, Math.ceil(this.#options.perSecond * leaseSeconds))
  }

  /** Until the bucket holds as much as is wanted, or at least something. */
  #refillMs (left: number): number {
    return Math.min(Math.max((this.#wanted() - left) / this.#options.perSecond * 1_000, leastPauseMs), longestPauseMs)
  }

  #sendAway (leaves: (one: Waiting) => boolean): void {
    const away = this.#waiting.filter(leaves)
    if (away.length === 0) return
    this.#waiting = this.#waiting.filter((one) => !away.includes(one))
    for (const { resolve } of away) resolve(false)
  }

  #dropStale (): void {
    if (this.#held > 0 && this.#now() > this.#heldUntil) this.#held = 0
  }
}
