// One listener's answer: events as server-sent events (WHATWG HTML, section 9.2), a heartbeat, and an end when it does not keep up.
import { randomInt } from 'node:crypto'
import { Readable } from 'node:stream'
import { type EventRow } from './queries.js'

/** A reader further behind than so many bytes is cut off; it comes back and reads on from its last event. */
const mostBehind = 256 * 1024

export interface StreamOptions {
  /** All when undefined. */
  types: ReadonlySet<string> | undefined
  /** Milliseconds between heartbeats; by default 15 to 25 seconds. */
  heartbeatMs?: number
}

export class EventStream {
  readonly body: Readable
  readonly #types: ReadonlySet<string> | undefined
  readonly #heartbeat: NodeJS.Timeout
  #position = 0
  #drained: (() => void) | undefined

  constructor ({ types, heartbeatMs = randomInt(15_000, 25_000) }: StreamOptions) {
    this.#types = types
    this.body = new Readable({ read: () => { this.#drained?.() } })
    this.#heartbeat = setInterval(() => { this.#write(`: heartbeat\nid: ${this.#position}\n\n`) }, heartbeatMs).unref()
    this.body.once('close', () => {
      clearInterval(this.#heartbeat)
      this.#drained?.()
    })
  }

  get isOpen (): boolean {
    return !this.body.destroyed && !this.body.readableEnded
  }

  /** The id of the last event that it has had, or did not ask for. */
  get position (): number {
    return this.#position
  }

  /** `reset`: what came before `position` is lost to this listener, who must read its lists anew. */
  begin (position: number, reset: boolean): void {
    this.#position = position
    // Not all at once, when a service comes back that many were listening to.
    this.#write(`retry: ${randomInt(2_000, 5_000)}\nid: ${position}\n${reset ? 'event: reset\ndata: {}\n' : ''}\n`)
  }

  /** Those up to its position it has had already. */
  send (events: readonly EventRow[]): void {
    const fresh = events.filter(({ id }) => id > this.#position)
    const wanted = fresh.filter(({ type }) => this.#types?.has(type) !== false)
    this.#position = fresh.at(-1)?.id ?? this.#position
    this.#write(wanted.map(({ id, type, data }) => `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`).join(''))
  }

  /** Resolves when the listener has taken what was sent, or is gone. */
  async drained (): Promise<void> {
    if (!this.isOpen || this.body.readableLength === 0) return
    await new Promise<void>((resolve) => { this.#drained = resolve })
    this.#drained = undefined
  }

  end (): void {
    if (this.isOpen) this.body.push(null)
    clearInterval(this.#heartbeat)
  }

  #write (text: string): void {
    if (text === '' || !this.isOpen) return
    if (this.body.readableLength > mostBehind) this.body.destroy()
    else this.body.push(text)
  }
}
