// The one hot call to the carrier: POST /messages over a pool of kept connections, and exactly what is known after it.
import { Pool, type Dispatcher } from 'undici'
import { type Logger } from 'pino'
import { type Config } from '../../config.js'
import { type OutgoingText, type SendOutcome } from '../carrier.js'
import { readAnswer } from './read-send-answer.js'

export interface Sender {
  /** Never retries and never throws: the outcome says what is known. */
  send: (text: OutgoingText) => Promise<SendOutcome>
  close: () => Promise<void>
}

type SenderSettings = Pick<Config, 'TELNYX_BASE_URL' | 'TELNYX_API_KEY' | 'SEND_CONCURRENCY' | 'SEND_TIMEOUT_MS'>

/** More of an answer is not read: it can't be one. */
const mostAnswerBytes = 65_536

/** The carrier has no idempotency key, so whatever may have been written is never written again: no retry, at any level. */
export function createSender (config: SenderSettings, log: Logger): Sender {
  const { origin, pathname } = new URL(config.TELNYX_BASE_URL)
  const timeout = config.SEND_TIMEOUT_MS
  // Undici's own timers are coarse and only a second net; the exact one is in `Attempt`.
  const pool = new Pool(origin, {
    connections: config.SEND_CONCURRENCY, pipelining: 1, connect: { timeout }, headersTimeout: timeout + 1_000, bodyTimeout: timeout + 1_000
  })
  const options = {
    path: `${pathname.replace(/\/$/, '')}/messages`,
    method: 'POST' as const,
    headers: { authorization: `Bearer ${config.TELNYX_API_KEY ?? ''}`, 'content-type': 'application/json', accept: 'application/json' }
  }
  return {
    send: (text) => new Promise((resolve) => {
      const attempt = new Attempt(timeout, resolve)
      try {
        pool.dispatch({ ...options, body: toBody(text) }, attempt)
      } catch (error) {
        log.warn({ err: error }, 'a text could not be handed to the carrier connection')
        attempt.onResponseError(undefined, error instanceof Error ? error : new Error(String(error)))
      }
    }),
    close: () => pool.close()
  }
}

function toBody ({ from, to, text, mediaUrls, statusUrl }: OutgoingText): string {
  return JSON.stringify({
    from,
    to,
    ...(text === '' ? {} : { text }),
    ...(mediaUrls.length === 0 ? {} : { media_urls: mediaUrls }),
    webhook_url: statusUrl
  })
}

/** One try. Whether the request was ever handed to a socket decides between `not_sent` and `unknown`, not the error's name. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #settle: (outcome: SendOutcome) => void
  readonly #timer: NodeJS.Timeout
  #controller: Dispatcher.DispatchController | undefined
  #settled = false
  #status = 0
  #headers: Readonly<Record<string, string | string[] | undefined>> = {}
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor (timeoutMs: number, settle: (outcome: SendOutcome) => void) {
    this.#settle = settle
    this.#timer = setTimeout(() => {
      const late = new Error('timeout')
      this.#fail(late.message)
      this.#controller?.abort(late)
    }, timeoutMs)
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    // Given up while it waited for a connection, or about to be written a second time: neither may leave. Aborting here writes nothing.
    if (this.#settled || this.#controller !== undefined) {
      controller.abort(new Error('not to be written'))
      return
    }
    this.#controller = controller
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > mostAnswerBytes) controller.abort(new Error('answer too long'))
    else this.#chunks.push(chunk)
  }

  onResponseEnd (): void {
    this.#finish(readAnswer(this.#status, this.#headers, Buffer.concat(this.#chunks).toString('utf8')))
  }

  onResponseError (_controller: Dispatcher.DispatchController | undefined, error: Error & { code?: string }): void {
    this.#fail(error.code ?? error.message)
  }

  #fail (reason: string): void {
    this.#finish(this.#controller === undefined ? { kind: 'not_sent', reason } : { kind: 'unknown', reason })
  }

  #finish (outcome: SendOutcome): void {
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#timer)
    this.#settle(outcome)
  }
}
