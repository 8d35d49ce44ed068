// One tenant's turn: sends what it claims, each text in a slot, until nothing is due or the turn is over.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type OutgoingText, type SendOutcome } from '../../providers/carrier.js'
import { type Permits } from './account-rates.js'
import { ClaimAhead, type Held } from './claim-ahead.js'
import { type ClaimedText } from './claim-queries.js'
import { type ResultRecorder } from './result-recorder.js'
import { type SendSlots } from './send-slots.js'
import { toResult, untried } from './text-result.js'

export interface SendSliceOptions {
  claim: (limit: number) => Promise<ClaimedText[]>
  /** Nothing further from this number is claimed for so many milliseconds. */
  closeNumber: (from: string, ms: number) => Promise<void>
  /** Throws for a recipient whose number can't be read. */
  prepare: (text: ClaimedText) => OutgoingText
  send: (text: OutgoingText) => Promise<SendOutcome>
  recorder: Pick<ResultRecorder, 'add' | 'settle'>
  slots: SendSlots
  /** Of the carrier account, asked before a slot is taken. */
  permits: Permits
  concurrency: number
  /** The turn's length in milliseconds; what is in flight then is waited for. */
  sliceMs: number
  /** Whether it may be longer, asked from then on with its milliseconds so far. */
  mayGoOn: (ms: number) => boolean
  /** A text not on its way so many milliseconds after its claim goes back: later, recovery may take it for lost. */
  freshMs: number
  signal: AbortSignal
  onOutcome: (kind: SendOutcome['kind']) => void
}

/** `pauseMs`: the carrier took nothing; come back then, and not before. */
export interface SliceEnd { sent: number, pauseMs: number | null }

const leastPauseMs = 1_000

type NotSent = Extract<SendOutcome, { kind: 'not_sent' }>

export class SendSlice {
  readonly #options: SendSliceOptions
  readonly #started = performance.now()
  readonly #ahead: ClaimAhead
  #handled = 0
  #pauseMs: number | null = null
  /** The numbers that were slowed down in this turn, and the writing down of the last of them. */
  readonly #closed = new Set<string>()
  #closing: Promise<void> = Promise.resolve()
  #failure: Error | undefined
  /** By the account's rate: others have it all. */
  #kept = false

  constructor (options: SendSliceOptions) {
    this.#options = options
    this.#ahead = new ClaimAhead({
      claim: (limit) => this.#claim(limit),
      concurrency: options.concurrency,
      handled: () => this.#handled,
      goesOn: () => !this.#mustStop() && !this.#isOver(),
      failed: (error) => { this.#fail(error) }
    })
  }

  /** @throws what the claim or the closing of a number threw, after all that was claimed before is settled */
  async run (): Promise<SliceEnd> {
    const { concurrency, recorder, signal, permits } = this.#options
    signal.addEventListener('abort', permits.release)
    await Promise.all(Array.from({ length: concurrency }, () => this.#work()))
    await this.#ahead.settle()
    await this.#closing
    await recorder.settle()
    signal.removeEventListener('abort', permits.release)
    if (this.#failure !== undefined) throw this.#failure
    return { sent: this.#handled, pauseMs: this.#pauseMs }
  }

  async #work (): Promise<void> {
    for (let text = await this.#ahead.next(); text !== undefined; text = await this.#ahead.next()) {
      if (await this.#mayLeave(text)) {
        await this.#options.slots.take()
        try {
          await this.#handle(text)
        } finally {
          this.#options.slots.give()
        }
      } else this.#options.recorder.add(untried(text))
      this.#handled++
      // A carrier that answers at once must not keep timers and sockets from their turn.
      if (this.#handled % 256 === 0) await nextTurn()
    }
  }

  async #mayLeave (text: Held): Promise<boolean> {
    if (this.#mustStop() || this.#closed.has(text.from)) return false
    try {
      const mayLeave = await this.#options.permits.ask(text)
      if (!mayLeave) this.#keep()
      return mayLeave
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  #keep (): void {
    if (this.#kept) return
    this.#kept = true
    this.#options.permits.release()
  }

  async #handle (text: Held): Promise<void> {
    const { recorder, freshMs, onOutcome } = this.#options
    if (this.#mustStop() || this.#closed.has(text.from) || performance.now() - text.claimedAt > freshMs) {
      recorder.add(untried(text))
      return
    }
    const outcome = await this.#send(text)
    onOutcome(outcome.kind)
    recorder.add(toResult(text, outcome))
    if (outcome.kind === 'not_sent') this.#slowDown(text.from, outcome)
  }

  async #send (text: Held): Promise<SendOutcome> {
    let outgoing
    try {
      outgoing = this.#options.prepare(text)
    } catch {
      return { kind: 'refused', code: 'number_unreadable', detail: 'The stored number could not be decrypted.' }
    }
    return await this.#options.send(outgoing)
  }

  #slowDown (from: string, { slows, retryAfterMs = 0 }: NotSent): void {
    if (slows === undefined) {
      this.#pauseMs = Math.max(this.#pauseMs ?? leastPauseMs, retryAfterMs)
      this.#options.permits.release()
    } else if (!this.#closed.has(from)) {
      this.#closed.add(from)
      this.#closing = this.#closing.then(() => this.#options.closeNumber(from, Math.max(retryAfterMs, leastPauseMs))).catch((error: unknown) => { this.#fail(error) })
    }
  }

  #isOver (): boolean {
    const ms = performance.now() - this.#started
    return ms > this.#options.sliceMs && !this.#options.mayGoOn(ms)
  }

  /** Nothing further may leave in this turn. */
  #mustStop (): boolean {
    return this.#pauseMs !== null || this.#failure !== undefined || this.#kept || this.#options.signal.aborted
  }

  async #claim (limit: number): Promise<ClaimedText[]> {
    // Else what was put back for a number's sake would be claimed again at once.
    await this.#closing
    return await this.#options.claim(limit)
  }

  #fail (error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error('the slice failed', { cause: error })
    this.#options.permits.release()
    this.#ahead.end()
  }
}
