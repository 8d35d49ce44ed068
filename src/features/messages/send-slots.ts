// How many texts of one kind may be on their way at once from this process, over all tenants; whoever has waited longest is next.

export class SendSlots {
  #free: number
  readonly #waiting: Array<() => void> = []

  constructor (readonly size: number) {
    this.#free = size
  }

  async take (): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
  }

  give (): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
