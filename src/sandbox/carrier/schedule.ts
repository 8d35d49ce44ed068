// Runs many things later on one timer: what falls due in the same tick shares a bucket.

/** Milliseconds of one tick: the precision of every delay. */
const tickMs = 10

export class Schedule {
  readonly #buckets = new Map<number, Array<() => void>>()
  #timer: NodeJS.Timeout | undefined
  #next = 0
  #closed = false
  readonly #clock: () => number

  /** `clock`: milliseconds from any fixed origin. */
  constructor (clock = () => performance.now()) {
    this.#clock = clock
  }

  /** Runs `task` once, `delayMs` from now; what is still waiting at `close` never runs, nor does what comes after it. */
  after (delayMs: number, task: () => void): void {
    if (this.#closed) return
    // Read once: were the first tick looked at counted from a later moment, this one could be passed over for ever.
    const now = Math.floor(this.#clock() / tickMs)
    const tick = now + Math.max(1, Math.ceil(delayMs / tickMs))
    const bucket = this.#buckets.get(tick)
    if (bucket === undefined) this.#buckets.set(tick, [task])
    else bucket.push(task)
    if (this.#timer !== undefined) return
    this.#next = now + 1
    this.#timer = setInterval(() => this.#run(), tickMs)
  }

  close (): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#buckets.clear()
  }

  #run (): void {
    const now = Math.floor(this.#clock() / tickMs)
    for (; this.#next <= now; this.#next++) {
      const due = this.#buckets.get(this.#next)
      if (due === undefined) continue
      this.#buckets.delete(this.#next)
      for (const task of due) task()
    }
    if (this.#buckets.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}
