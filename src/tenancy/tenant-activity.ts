// How busy one tenant is in this process: what it asked and waited for lately. It lives with the tenant's pool, so it is bounded as those are.

/** A rate that halves every so often without anything new: after a change it tells half of it in this time, in milliseconds. */
const HALF_LIFE_MS = 10_000

class Rate {
  #sum = 0
  #at = 0

  add (amount: number, now: number): void {
    this.#sum = this.#at === now ? this.#sum + amount : this.#decayed(now) + amount
    this.#at = now
  }

  /** A steady stream of r a second sums up to r times the mean life, which is the half-life over ln 2. */
  perSecond (now: number): number {
    return this.#decayed(now) * Math.LN2 / (HALF_LIFE_MS / 1_000)
  }

  #decayed (now: number): number {
    return this.#sum * 2 ** ((this.#at - now) / HALF_LIFE_MS)
  }
}

export interface ActivityFigures {
  /** Leases asked for: requests and jobs. Those that ended in a refusal included. */
  requestsPerSecond: number
  /** Of them, how many found no free connection. */
  waitsPerSecond: number
  /** The mean of these waits, in milliseconds. */
  meanWaitMs: number
}

export class TenantActivity {
  readonly #requests = new Rate()
  readonly #waits = new Rate()
  readonly #waitMs = new Rate()

  requested (now: number): void {
    this.#requests.add(1, now)
  }

  waited (ms: number, now: number): void {
    this.#waits.add(1, now)
    this.#waitMs.add(ms, now)
  }

  figures (now: number): ActivityFigures {
    const waitsPerSecond = this.#waits.perSecond(now)
    return {
      requestsPerSecond: this.#requests.perSecond(now),
      waitsPerSecond,
      meanWaitMs: waitsPerSecond === 0 ? 0 : this.#waitMs.perSecond(now) / waitsPerSecond
    }
  }
}
