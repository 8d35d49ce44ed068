// Collects what became of texts and writes it many at a time: one statement under way, the next when it is full or 50 ms old.
import { setTimeout as pause } from 'node:timers/promises'
import { type Logger } from 'pino'
import { Problem } from '../../errors.js'
import { recipientKey } from './states.js'
import { type TextResult } from './queue-queries.js'

export interface ResultRecorderOptions {
  /** Results sorted by key. */
  write: (results: readonly TextResult[]) => Promise<void>
  /** After so many milliseconds without a database the results are given up: recovery makes those texts unknown. While the organization is moved, ten times as many. */
  giveUpMs: number
  log: Logger
}

const fullAt = 256
const longestWaitMs = 50
const firstPauseMs = 100
const longestPauseMs = 5_000
/** What is waited for ends by itself, and the texts should be recorded before anybody takes them for lost. */
const longestMovingPauseMs = 500
const movingPatience = 10

export class ResultRecorder {
  readonly #options: ResultRecorderOptions
  #pending: TextResult[] = []
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor (options: ResultRecorderOptions) {
    this.#options = options
  }

  add (result: TextResult): void {
    this.#pending.push(result)
    if (this.#pending.length >= fullAt) this.#flush()
    else this.#timer ??= setTimeout(() => { this.#flush() }, longestWaitMs)
  }

  /** Resolves when everything added is written, or given up and logged. */
  async settle (): Promise<void> {
    while (this.#pending.length > 0 || this.#writing !== undefined) {
      this.#flush()
      await this.#writing
    }
  }

  #flush (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#writing !== undefined || this.#pending.length === 0) return
    const batch = this.#pending.splice(0).sort((one, other) => recipientKey(one) < recipientKey(other) ? -1 : 1)
    this.#writing = this.#write(batch).finally(() => {
      this.#writing = undefined
      if (this.#pending.length >= fullAt) this.#flush()
      else if (this.#pending.length > 0) this.#timer ??= setTimeout(() => { this.#flush() }, longestWaitMs)
    })
  }

  async #write (batch: readonly TextResult[]): Promise<void> {
    const { write, giveUpMs, log } = this.#options
    const started = performance.now()
    for (let wait = firstPauseMs; ; wait = Math.min(wait * 2, longestPauseMs)) {
      try {
        await write(batch)
        return
      } catch (error) {
        if (isDataFault(error)) {
          await this.#writeApart(batch, error)
          return
        }
        const moving = error instanceof Problem && error.code === 'TENANT_MOVING'
        if (moving) wait = Math.min(wait, longestMovingPauseMs)
        log[moving ? 'info' : 'warn']({ err: error, texts: batch.length }, 'results of sending could not be written; trying again')
        if (performance.now() + wait - started > (moving ? giveUpMs * movingPatience : giveUpMs)) {
          log.error({ err: error, texts: batch.length }, 'results of sending were given up; these texts will count as unknown')
          return
        }
      }
      await pause(wait)
    }
  }

  /** One result that cannot be stored fails its whole statement: alone it fails by itself, and at last goes in bare. */
  async #writeApart (batch: readonly TextResult[], error: unknown): Promise<void> {
    const [first] = batch
    if (batch.length > 1) {
      for (const one of batch) await this.#write([one])
    } else if (first !== undefined && (first.providerMessageId !== null || first.errorDetail !== null)) {
      this.#options.log.warn({ err: error, messageId: first.messageId }, 'a result of sending was stored without the carrier\'s words')
      await this.#write([{ ...first, providerMessageId: null, errorDetail: null }])
    } else {
      this.#options.log.error({ err: error, messageId: first?.messageId }, 'a result of sending could not be stored; the text will count as unknown')
    }
  }
}

/** SQLSTATE classes 22, data exception, and 23, constraint violation: the row is at fault, not the server. */
function isDataFault (error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code)
}
