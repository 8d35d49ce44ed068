// The end of one tenant's events, read once for all its listeners in this process, and only when the registry says there is more.
import { setTimeout as pause } from 'node:timers/promises'
import { Problem } from '../../errors.js'
import { type EventStream } from './event-stream.js'
import { type EventRow } from './queries.js'

export interface TailOptions {
  /** Throws when the tenant may not be used, or its database is out of reach. */
  read: (after: number, limit: number) => Promise<EventRow[]>
  /** A listener came or went, or the tail failed and has none any more. */
  failed: (error: unknown) => void
  /** At most one read in so many milliseconds. */
  gatherMs?: number
  firstPauseMs?: number
}

const pageSize = 500
const mostTries = 6

export class TenantTail {
  readonly #options: Required<TailOptions>
  /** Those that have had everything up to `#position`; the others are still catching up. */
  readonly #listening = new Set<EventStream>()
  #position = 0
  #called = false
  #running: Promise<void> | undefined

  constructor (options: TailOptions) {
    this.#options = { gatherMs: 100, firstPauseMs: 500, ...options }
  }

  /** Sends what came since the stream's position, and from then on whatever comes. Resolves when it has caught up or ended. */
  async join (stream: EventStream): Promise<void> {
    for (;;) {
      const events = await this.#read(stream.position)
      if (!stream.isOpen) return
      stream.send(events)
      if (events.length === pageSize) await stream.drained()
      // Otherwise the tail went on while we read.
      else if (this.#listening.size === 0 || this.#position <= stream.position) break
    }
    if (this.#listening.size === 0) this.#position = stream.position
    this.#listening.add(stream)
    // For what was announced before anybody listened.
    this.wake()
  }

  leave (stream: EventStream): void {
    this.#listening.delete(stream)
  }

  /** There may be more. Calls during a read make one further read. */
  wake (): void {
    this.#called = true
    this.#running ??= this.#run().catch(this.#options.failed).finally(() => { this.#running = undefined })
  }

  async #run (): Promise<void> {
    while (this.#called && this.#listening.size > 0) {
      this.#called = false
      const events = await this.#read(this.#position)
      for (const stream of this.#listening) stream.send(events)
      this.#position = Math.max(this.#position, events.at(-1)?.id ?? 0)
      if (events.length === pageSize) this.#called = true
      await pause(this.#options.gatherMs, undefined, { ref: false })
    }
  }

  /** A database that is busy or away is asked again a few times; the listeners keep their place meanwhile. */
  async #read (after: number): Promise<EventRow[]> {
    const { read, firstPauseMs } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        return await read(after, pageSize)
      } catch (error) {
        if (attempt >= mostTries || !(error instanceof Problem) || !error.code.startsWith('DATABASE_')) throw error
        await pause(firstPauseMs * 2 ** (attempt - 1), undefined, { ref: false })
      }
    }
  }
}
