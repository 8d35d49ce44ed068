// Posts signed events to webhooks, as Telnyx does: 2 s an attempt, three attempts a URL, then the failover URL.
import { Agent } from 'undici'
import type { Faults } from './faults.js'
import type { Schedule } from './schedule.js'
import type { SigningKey } from './signing-key.js'

export interface CarrierEvent {
  id: string
  type: 'message.sent' | 'message.finalized' | 'message.received'
  occurredAt: string
  /** Built when it is posted, so that a waiting event stays small. */
  payload: () => object
  /** Tried in turn: the webhook, then its failover. */
  urls: string[]
  /** Told once whether any attempt was answered 2xx. */
  ended?: (delivered: boolean) => void
}

interface Delivery { event: CarrierEvent, url: number, attempt: number }

export interface PostEventsOptions {
  key: SigningKey
  faults: Faults
  schedule: Schedule
  /** Posts in flight at once. */
  concurrency: number
  /** Milliseconds before the second, third … attempt at one URL. */
  retryDelaysMs: readonly number[]
}

/** Telnyx waits this long for a 2xx. */
const attemptMs = 2_000

export class PostEvents {
  readonly #options: PostEventsOptions
  readonly #agent: Agent
  #waiting: Delivery[] = []
  /** Where the queue begins in #waiting: shifting a long array would cost its length. */
  #head = 0
  #inFlight = 0
  #closed = false
  readonly counts = { posted: 0, delivered: 0, failed: 0, lost: 0 }

  constructor (options: PostEventsOptions) {
    this.#options = options
    this.#agent = new Agent({ connections: options.concurrency, pipelining: 1, connect: { timeout: attemptMs } })
  }

  /** Events waiting or in flight, without those held back for a retry. */
  get pending (): number {
    return this.#waiting.length - this.#head + this.#inFlight
  }

  post (event: CarrierEvent): void {
    if (event.urls.length === 0) return event.ended?.(false)
    const { faults, schedule } = this.#options
    if (faults.strikes('loseWebhook')) {
      this.counts.lost++
      return event.ended?.(false)
    }
    const copies = faults.strikes('duplicateWebhook') ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const delivery = { event, url: 0, attempt: 1 }
      if (faults.strikes('shuffleWebhooks')) schedule.after(50 + faults.pick(500), () => this.#enqueue(delivery))
      else this.#enqueue(delivery)
    }
  }

  async close (): Promise<void> {
    this.#closed = true
    this.#waiting = []
    this.#head = 0
    await this.#agent.destroy()
  }

  #enqueue (delivery: Delivery): void {
    if (this.#closed) return
    this.#waiting.push(delivery)
    this.#fill()
  }

  #fill (): void {
    while (this.#inFlight < this.#options.concurrency) {
      const next = this.#waiting[this.#head]
      if (next === undefined) break
      this.#head++
      this.#inFlight++
      void this.#attempt(next).finally(() => {
        this.#inFlight--
        this.#fill()
      })
    }
    if (this.#head > 1_000 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
  }

  async #attempt (delivery: Delivery): Promise<void> {
    const { event } = delivery
    if (await this.#send(delivery)) {
      this.counts.delivered++
      event.ended?.(true)
      return
    }
    const { schedule, retryDelaysMs } = this.#options
    const pause = retryDelaysMs[delivery.attempt - 1]
    if (pause !== undefined) {
      schedule.after(pause, () => this.#enqueue({ ...delivery, attempt: delivery.attempt + 1 }))
    } else if (delivery.url + 1 < event.urls.length) {
      this.#enqueue({ event, url: delivery.url + 1, attempt: 1 })
    } else {
      this.counts.failed++
      event.ended?.(false)
    }
  }

  async #send ({ event, url, attempt }: Delivery): Promise<boolean> {
    const target = event.urls[url] ?? ''
    const body = JSON.stringify({
      data: { event_type: event.type, id: event.id, occurred_at: event.occurredAt, payload: event.payload(), record_type: 'event' },
      meta: { attempt, delivered_to: target }
    })
    const timestamp = Math.floor(Date.now() / 1_000).toString()
    this.counts.posted++
    try {
      const { origin, pathname, search } = new URL(target)
      const { statusCode, body: answer } = await this.#agent.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'telnyx-timestamp': timestamp,
          'telnyx-signature-ed25519': this.#options.key.sign(timestamp, body),
          'user-agent': 'telnyx-webhooks (sandbox)'
        },
        body,
        signal: AbortSignal.timeout(attemptMs)
      })
      await answer.dump()
      return statusCode >= 200 && statusCode < 300
    } catch {
      // Refused, reset, too slow or no URL at all: to a carrier it is all one, and counted as an attempt that failed.
      return false
    }
  }
}
