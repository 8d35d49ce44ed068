// Lets a few through at a time, in the order they came, and turns away whom the line would keep too long.
import { systemTiming, type Timing } from './timing.js'

export interface TurnLimits {
  atOnce: number
  longestLine: number
  /** Milliseconds; without it a turn is waited for until it comes. */
  longestWaitMs?: number
}

export class Turns {
  #running = 0
  readonly #limits: TurnLimits
  readonly #timing: Timing
  readonly #line = new Set<(mine: boolean) => void>()

  constructor (limits: TurnLimits, timing = systemTiming) {
    this.#limits = limits
    this.#timing = timing
  }

  /** Undefined, and nothing done, when the line is full or the turn did not come in time. */
  async take<T> (use: () => Promise<T>): Promise<T | undefined> {
    if (this.#running < this.#limits.atOnce) this.#running++
    else if (!await this.#standInLine()) return undefined
    try {
      return await use()
    } finally {
      const [next] = this.#line
      if (next === undefined) this.#running--
      else next(true)
    }
  }

  async #standInLine (): Promise<boolean> {
    const { longestLine, longestWaitMs } = this.#limits
    if (this.#line.size >= longestLine) return false
    return await new Promise((resolve) => {
      const leave = (mine: boolean): void => {
        this.#line.delete(leave)
        stopWaiting()
        resolve(mine)
      }
      const stopWaiting = longestWaitMs === undefined ? () => undefined : this.#timing.after(longestWaitMs, () => { leave(false) })
      this.#line.add(leave)
    })
  }
}
