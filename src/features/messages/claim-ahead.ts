// Texts claimed a little ahead of those who send them: what they take in twice to six times the duration of one claim.
import { type ClaimedText } from './claim-queries.js'

export interface ClaimAheadOptions {
  claim: (limit: number) => Promise<ClaimedText[]>
  /** So many take texts at once. */
  concurrency: number
  /** Texts done with so far, by which the next claim is measured. */
  handled: () => number
  /** Asked before each claim; once false, nothing further is claimed. */
  goesOn: () => boolean
  /** Told what a claim threw; nothing further is claimed. */
  failed: (error: unknown) => void
}

export type Held = ClaimedText & { claimedAt: number }

const mostAtOnce = 1_000

/** What is claimed and not on its way when the process dies becomes unknown without ever having left: so no more than a little. */
export class ClaimAhead {
  readonly #options: ClaimAheadOptions
  readonly #started = performance.now()
  readonly #buffer: Held[] = []
  readonly #idle: Array<(text: Held | undefined) => void> = []
  #claiming: Promise<void> | undefined
  #claimMs = 5
  #claims = 0
  #ended = false

  constructor (options: ClaimAheadOptions) {
    this.#options = options
  }

  /** Undefined when nothing is due any more, or nothing further may be claimed and the buffer is empty. */
  async next (): Promise<Held | undefined> {
    this.#claimAhead()
    const text = this.#buffer.shift()
    if (text !== undefined || this.#ended) return text
    return await new Promise((resolve) => { this.#idle.push(resolve) })
  }

  end (): void {
    this.#ended = true
    for (const idle of this.#idle.splice(0)) idle(undefined)
  }

  /** Resolves when no claim is under way. */
  async settle (): Promise<void> {
    await this.#claiming
  }

  #claimAhead (): void {
    if (this.#claiming !== undefined || this.#ended) return
    if (!this.#options.goesOn()) {
      this.end()
      return
    }
    const perClaim = this.#options.handled() / Math.max(performance.now() - this.#started, 1) * this.#claimMs
    if (this.#buffer.length > perClaim * 2) return
    const room = this.#claims++ === 0 ? this.#options.concurrency : Math.ceil(perClaim * 6) + this.#idle.length + 1 - this.#buffer.length
    this.#claiming = this.#claim(Math.min(room, mostAtOnce)).finally(() => {
      this.#claiming = undefined
      if (this.#idle.length > 0) this.#claimAhead()
    })
  }

  async #claim (limit: number): Promise<void> {
    const claimedAt = performance.now()
    try {
      const texts = await this.#options.claim(limit)
      this.#claimMs = performance.now() - claimedAt
      for (const text of texts) this.#hand({ ...text, claimedAt })
      if (texts.length === 0) this.end()
    } catch (error) {
      this.#options.failed(error)
      this.end()
    }
  }

  #hand (text: Held): void {
    const idle = this.#idle.shift()
    if (idle === undefined) this.#buffer.push(text)
    else idle(text)
  }
}
