// How many may listen at once: each listener holds a socket for as long as it likes.
import { problem } from '../../errors.js'

export interface MostStreams { admin: number, tenant: number, process: number }

/** An admin has several tabs and devices, and behind one service of theirs stand few connections. */
export const mostStreams: MostStreams = { admin: 10, tenant: 200, process: 5_000 }

const retryAfterSeconds = 30

export class StreamLimits {
  readonly #most: MostStreams
  readonly #counts = new Map<string, number>()

  constructor (most: MostStreams) {
    this.#most = most
  }

  /** Returns how to give the place back, once. @throws problem('TOO_MANY_STREAMS') */
  take (tenantId: string, adminId: string): () => void {
    const places = [['', this.#most.process], [tenantId, this.#most.tenant], [`${tenantId} ${adminId}`, this.#most.admin]] as const
    if (places.some(([key, most]) => (this.#counts.get(key) ?? 0) >= most)) throw problem('TOO_MANY_STREAMS', { retryAfter: retryAfterSeconds })
    for (const [key] of places) this.#add(key, 1)
    let held = true
    return () => {
      if (held) for (const [key] of places) this.#add(key, -1)
      held = false
    }
  }

  /** In this process. */
  get open (): number {
    return this.#counts.get('') ?? 0
  }

  #add (key: string, by: number): void {
    const count = (this.#counts.get(key) ?? 0) + by
    if (count === 0) this.#counts.delete(key)
    else this.#counts.set(key, count)
  }
}
