// The clock and the timers that waits and pauses go by.

/** Milliseconds from any fixed origin, and one-shot timers: a virtual one in tests. */
export interface Timing {
  now (): number
  /** Returns what cancels the timer. */
  after (ms: number, run: () => void): () => void
}

export const systemTiming: Timing = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => { clearTimeout(timer) }
  }
}
