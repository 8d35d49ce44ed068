// Lets a few through at a time, in the order they came, and turns away whom the line would keep too long.
export class Turns {
  #running = 0
  readonly #line: Array<() => void> = []

  constructor (readonly atOnce: number, readonly longestLine: number) {}

  /** Undefined, at once, when the line is full. */
  async take<T> (use: () => Promise<T>): Promise<T | undefined> {
    if (this.#line.length >= this.longestLine) return undefined
    if (this.#running >= this.atOnce) await new Promise<void>((resolve) => this.#line.push(resolve))
    else this.#running++
    try {
      return await use()
    } finally {
      const next = this.#line.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
