// What the connection budget keeps about one database: who waits for it, what stands idle, how busy it has been.

/** How the budget opens and closes a physical connection of one database. */
export interface Connector<C> {
  /** Rejects only once nothing of the attempt is left on the server. Calls `lost` when the connection later breaks by itself. */
  open (lost: () => void): Promise<C>
  /** Resolves when the server has let go of the connection, or a bounded time has passed. Never rejects. */
  close (connection: C): Promise<void>
}

export interface Slot<C> {
  readonly account: BudgetAccount<C>
  readonly connection: C
  state: 'busy' | 'idle' | 'closing' | 'gone'
  /** Hand-overs in a row without a rest: the quantum counts these. */
  streak: number
  broken: boolean
}

export interface Waiter<C> {
  readonly since: number
  settled: boolean
  grant (slot: Slot<C>): void
  refuse (reason: Error): void
}

const SCORE_HALF_LIFE_MS = 60_000

export class BudgetAccount<C> {
  /** A stack: the most recently used connection is taken first, the longest unused is closed first. */
  readonly idle: Array<Slot<C>> = []
  opening = 0
  closing = 0
  /** Opening + busy + idle + closing. */
  physical = 0
  /** No request joins the line any more, and no connection outlives it. */
  draining = false
  #onEmpty: Array<() => void> = []
  #waiters: Array<Waiter<C>> = []
  #head = 0
  #waiting = 0
  #score = 0
  #scoredAt = 0

  constructor (readonly name: string, readonly connector: Connector<C>) {}

  get waiting (): number { return this.#waiting }

  /** Connections that serve or will serve: all but the closing ones. */
  get live (): number { return this.physical - this.closing }

  /** Counts one request; requests of a minute ago weigh half. With `worth` it counts as having had so many, all told. */
  countRequest (now: number, worth?: number): void {
    this.#score = worth ?? this.scoreAt(now) + 1
    this.#scoredAt = now
  }

  scoreAt (now: number): number {
    return this.#score * 2 ** ((this.#scoredAt - now) / SCORE_HALF_LIFE_MS)
  }

  enqueue (waiter: Waiter<C>): void {
    this.#waiters.push(waiter)
    this.#waiting++
  }

  /** Milliseconds the first in line has waited; -1 when nobody waits. */
  oldestWait (now: number): number {
    const first = this.#first()
    return first === undefined ? -1 : now - first.since
  }

  nextWaiter (): Waiter<C> | undefined {
    const waiter = this.#first()
    if (waiter !== undefined) this.settle(waiter)
    return waiter
  }

  /** Takes a waiter out of the line, wherever it stands; false when it has been served or refused before. */
  settle (waiter: Waiter<C>): boolean {
    if (waiter.settled) return false
    waiter.settled = true
    this.#waiting--
    // Whoever has been served holds on to the connection it was given, closed since or not: some 25 kB a database.
    if (this.#waiting === 0) {
      this.#waiters = []
      this.#head = 0
    }
    return true
  }

  /** Resolves when it has neither connections nor a line. */
  async empty (): Promise<void> {
    if (!this.#isEmpty) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  announceEmpty (): void {
    if (!this.#isEmpty) return
    for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  get #isEmpty (): boolean { return this.physical === 0 && this.#waiting === 0 }

  #first (): Waiter<C> | undefined {
    while (this.#waiters[this.#head]?.settled === true) this.#head++
    // The served front part is cut off now and then, so that a hand-over costs constant time.
    if (this.#head > 64 && this.#head * 2 > this.#waiters.length) {
      this.#waiters = this.#waiters.slice(this.#head)
      this.#head = 0
    }
    return this.#waiters[this.#head]
  }
}
