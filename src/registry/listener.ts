// Hears what the registry NOTIFYs, on a connection of its own, and says honestly when it can't hear.
import { randomInt } from 'node:crypto'
import pg from 'pg'
import { type Logger } from 'pino'
import { holdSession } from './session-lock.js'

export interface Subscription {
  /** True while every notification is sure to arrive; otherwise whatever was concluded from them is not to be trusted. */
  isLive: () => boolean
  close: () => void
}

export interface ListenerOptions {
  connectionString: string
  log: Logger
  connectTimeoutMs?: number
  /** How often the connection is proved to be alive; a dead one is noticed after twice this long at most. */
  heartbeatMs?: number
  /** Pause before the first new attempt; it doubles up to `longestPauseMs`. */
  firstPauseMs?: number
  longestPauseMs?: number
}

interface Channel {
  readonly name: string
  readonly hear: (payload: string) => void
  readonly restored: (() => void) | undefined
  /** The client on which LISTEN has been acknowledged. */
  heardOn: pg.Client | undefined
}

const defaults = { connectTimeoutMs: 5_000, heartbeatMs: 5_000, firstPauseMs: 100, longestPauseMs: 5_000 } satisfies Partial<ListenerOptions>

export class RegistryListener {
  readonly #options: Required<ListenerOptions>
  readonly #channels = new Set<Channel>()
  #client: pg.Client | undefined
  #session: { id: number, client: pg.Client } | undefined
  /** Resolves when the statement given last has been answered: the connection takes one at a time. */
  #answered: Promise<unknown> = Promise.resolve()
  #pauseMs: number
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor (options: ListenerOptions) {
    this.#options = { ...defaults, ...options }
    this.#pauseMs = this.#options.firstPauseMs
  }

  /** Connects; when that fails it logs, resolves all the same, and goes on trying in the background. */
  async start (): Promise<void> {
    await this.#connect()
  }

  /**
   * Calls `hear` with each payload on the channel. `restored` is called whenever hearing begins, at first and after
   * each gap: forget there what may have changed meanwhile.
   */
  on (channel: string, hear: (payload: string) => void, restored?: () => void): Subscription {
    const entry: Channel = { name: channel, hear, restored, heardOn: undefined }
    this.#channels.add(entry)
    if (this.#client !== undefined) void this.#listen(this.#client, entry)
    return {
      isLive: () => entry.heardOn !== undefined && entry.heardOn === this.#client,
      close: () => { this.#channels.delete(entry) }
    }
  }

  /** True while there is a connection to hear on. */
  get isConnected (): boolean {
    return this.#client !== undefined
  }

  /** By which other processes see that this one is alive; another after each gap, and undefined within one. */
  get sessionId (): number | undefined {
    return this.#session !== undefined && this.#session.client === this.#client ? this.#session.id : undefined
  }

  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const client = this.#client
    this.#client = undefined
    await client?.end()
  }

  async #connect (): Promise<void> {
    const { connectionString, connectTimeoutMs, heartbeatMs } = this.#options
    const client = new pg.Client({
      connectionString,
      application_name: 'koinonia:listener',
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: heartbeatMs,
      keepAlive: true
    })
    client.on('error', (error) => { this.#lose(client, error) })
    client.on('end', () => { this.#lose(client, undefined) })
    client.on('notification', ({ channel, payload = '' }) => { this.#hear(channel, payload) })
    try {
      await client.connect()
    } catch (error) {
      this.#retry(error)
      return
    }
    if (this.#closed) {
      await client.end()
      return
    }
    this.#client = client
    this.#pauseMs = this.#options.firstPauseMs
    await Promise.all([this.#openSession(client), ...[...this.#channels].map((channel) => this.#listen(client, channel))])
    this.#beat(client)
  }

  async #openSession (client: pg.Client): Promise<void> {
    const id = randomInt(1, 2 ** 31 - 1)
    try {
      await this.#query(client, holdSession(id))
      this.#session = { id, client }
    } catch (error) {
      this.#lose(client, error)
    }
  }

  async #listen (client: pg.Client, channel: Channel): Promise<void> {
    try {
      await this.#query(client, `LISTEN ${pg.escapeIdentifier(channel.name)}`)
    } catch (error) {
      this.#lose(client, error)
      return
    }
    channel.heardOn = client
    channel.restored?.()
  }

  #query (client: pg.Client, sql: string): Promise<unknown> {
    const asked = this.#answered.then(() => client.query(sql))
    this.#answered = asked.catch(() => undefined)
    return asked
  }

  #hear (channel: string, payload: string): void {
    for (const { name, hear } of this.#channels) {
      if (name === channel) hear(payload)
    }
  }

  /** A half-open connection looks well for ever: only an answer proves it is not. */
  #beat (client: pg.Client): void {
    if (this.#client !== client) return
    this.#timer = setTimeout(() => {
      this.#query(client, 'SELECT 1').then(() => { this.#beat(client) }, (error: unknown) => { this.#lose(client, error) })
    }, this.#options.heartbeatMs).unref()
  }

  #lose (client: pg.Client, error: unknown): void {
    if (this.#client !== client) return
    this.#client = undefined
    clearTimeout(this.#timer)
    client.connection.stream.destroy()
    this.#retry(error)
  }

  #retry (error: unknown): void {
    if (this.#closed) return
    this.#options.log.warn({ err: error, pauseMs: this.#pauseMs }, 'the registry is not heard; caches are not trusted until it is')
    this.#timer = setTimeout(() => { void this.#connect() }, this.#pauseMs).unref()
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.longestPauseMs)
  }
}
