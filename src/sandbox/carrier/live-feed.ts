// GET /sandbox/events: the phone page's live feed (server-sent events).
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { describeForcedOutcomes } from './forced-outcomes.js'
import { sandboxRoute } from './sandbox-route.js'
import type { Message } from './model.js'
import { showText, type ShownText } from './show-text.js'
import type { CarrierState } from './state.js'

/** Texts a page gets when it connects. */
const snapshotTexts = 2_000
/** Changes of this many milliseconds go out together, so that a broadcast is a few large events. */
const gatherMs = 100
const heartbeatMs = 15_000
/** A page that lags by more bytes is let go; it comes back by itself and gets a fresh snapshot. */
const mostBacklog = 16_000_000

export class LiveFeed {
  readonly #state: CarrierState
  readonly #pages = new Set<ServerResponse>()
  #changed = new Map<string, ShownText>()
  #reset = false
  #timer: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined

  constructor (state: CarrierState) {
    this.#state = state
    state.onMessage = (message) => this.#push(message)
    state.onReset = () => this.#pushReset()
  }

  routes (app: FastifyInstance): void {
    app.get('/events', sandboxRoute, (_request, reply) => {
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
      raw.write(this.#snapshot())
      this.#pages.add(raw)
      this.#heartbeat ??= setInterval(() => this.#send(': still here\n\n'), heartbeatMs)
      raw.once('close', () => this.#drop(raw))
    })
  }

  close (): void {
    for (const page of this.#pages) {
      page.end()
      this.#drop(page)
    }
  }

  #push (message: Message): void {
    if (this.#pages.size === 0) return
    this.#changed.set(message.id, showText(message))
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs)
  }

  #pushReset (): void {
    if (this.#pages.size === 0) return
    this.#reset = true
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs)
  }

  #flush (): void {
    this.#timer = undefined
    const texts = [...this.#changed.values()]
    this.#changed = new Map()
    if (this.#reset) this.#send(this.#snapshot())
    else this.#send(serverSentEvent('texts', { texts, counts: this.#counts() }))
    this.#reset = false
  }

  #snapshot (): string {
    const { profiles, messages } = this.#state
    return serverSentEvent('snapshot', {
      numbers: this.#state.numbers().map(({ phoneNumber, profileId }) => ({ phoneNumber, name: profiles.get(profileId ?? '')?.name ?? null })),
      texts: messages.find({ limit: snapshotTexts }).map(showText),
      outcomes: describeForcedOutcomes(),
      counts: this.#counts()
    })
  }

  #counts () {
    const { accepted, duplicates, inbound } = this.#state.messages
    return { accepted, duplicates, inbound }
  }

  #send (chunk: string): void {
    for (const page of this.#pages) {
      if (page.writableLength > mostBacklog) page.destroy()
      else page.write(chunk)
    }
  }

  #drop (page: ServerResponse): void {
    this.#pages.delete(page)
    if (this.#pages.size > 0) return
    clearInterval(this.#heartbeat)
    clearTimeout(this.#timer)
    this.#heartbeat = this.#timer = undefined
    this.#changed.clear()
  }
}

function serverSentEvent (name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
