// Keeps this process to its share of the connections to each server, which it renews in the registry every second.
import { setTimeout as pause } from 'node:timers/promises'
import { type Logger } from 'pino'
import { ConfigError } from '../../config.js'
import { type RegistryDb } from '../../registry/db.js'
import { dropShares, renewShare } from './share-rows.js'

/** One server as this process uses it. */
export interface SharedServer {
  /** host:port */
  address: string
  /** Connections to the registry, if it is there: kept whatever happens. */
  reserved: number
  /** Tenants' connections there: how many there are, and how many there may be. */
  used: () => number
  limit: () => number
  resize: (connections: number) => void
}

export interface ShareTiming {
  beatMs: number
  /** Without a word from the registry for so long this process opens nothing and closes what is free. */
  stopAfterMs: number
  /** Then others may have its share: more than stopAfterMs and the longest that a connection stays in use. */
  deadAfterMs: number
  /** How long a start waits for the others to make room. */
  startMs: number
}

export const shareTiming: ShareTiming = { beatMs: 1_000, stopAfterMs: 30_000, deadAfterMs: 180_000, startMs: 60_000 }

/** On the registry's server, for processes that have just started and commands. */
const DOOR = 4
/** Making a database takes two. */
const LEAST = 2

export interface ShareOptions {
  registry: RegistryDb
  registryUrl: string
  /** DATABASE_MAX_CONNECTIONS */
  most: number
  /** DATABASE_SERVER_CONNECTIONS */
  total: number
  process: string
  servers: () => SharedServer[]
  log: Logger
  timing?: ShareTiming
}

export class ConnectionShares {
  readonly #options: ShareOptions
  readonly #timing: ShareTiming
  /** When each server's share was last renewed, in milliseconds since the start of the process. */
  readonly #renewedAt = new Map<string, number>()
  readonly #stopping = new AbortController()
  #beating: Promise<void> = Promise.resolve()
  #started = false

  constructor (options: ShareOptions) {
    this.#options = options
    this.#timing = options.timing ?? shareTiming
  }

  /** Until it resolves this process has one connection to the registry and no other. @throws ConfigError when there is no room for it */
  async start (): Promise<void> {
    const end = performance.now() + this.#timing.startMs
    for (;;) {
      for (const server of this.#options.servers()) await this.#renew(server)
      const short = this.#options.servers().filter((server) => server.limit() < LEAST)
      if (short.length === 0) break
      if (performance.now() > end) {
        throw new ConfigError(`DATABASE_SERVER_CONNECTIONS leaves no room for this process on ${short.map(({ address }) => address).join(', ')}. Raise it, or run fewer processes.`)
      }
      await pause(this.#timing.beatMs)
    }
    this.#started = true
    this.#beating = this.#beat()
    this.#watch()
  }

  /** Keeps what it has until `leave`. */
  async stop (): Promise<void> {
    this.#stopping.abort()
    await this.#beating
  }

  /** After the last connection has been closed: others may have the share at once. */
  async leave (): Promise<void> {
    const { registryUrl, process, log } = this.#options
    await dropShares(registryUrl, process).catch((error: unknown) => {
      log.warn({ err: error }, 'the share of this process could not be given back; it is freed when its time is up')
    })
  }

  async #beat (): Promise<void> {
    const { signal } = this.#stopping
    for (;;) {
      await pause(this.#timing.beatMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
      for (const server of this.#options.servers()) {
        await this.#renew(server).catch((error: unknown) => { this.#unheard(server, error) })
      }
    }
  }

  /** Apart from the beat: a registry that does not even refuse keeps a renewal waiting for longer than this process may go on. */
  #watch (): void {
    const timer = setInterval(() => { for (const server of this.#options.servers()) this.#stopIfSilent(server) }, this.#timing.beatMs).unref()
    this.#stopping.signal.addEventListener('abort', () => { clearInterval(timer) })
  }

  /** While it runs the limit only falls, so what is put on record covers all that this process may open. */
  async #renew (server: SharedServer): Promise<void> {
    const { registry, process, total, most } = this.#options
    const begun = performance.now()
    const { limit } = await renewShare(registry, {
      process,
      server: server.address,
      total: total - (server.reserved > 0 ? DOOR : 0),
      most,
      // What is kept for the registry is not open before the start.
      holding: (this.#started ? server.reserved : 0) + Math.max(server.used(), server.limit()),
      deadAfterMs: this.#timing.deadAfterMs
    })
    this.#renewedAt.set(server.address, begun)
    server.resize(Math.max(0, limit - server.reserved))
  }

  #unheard (server: SharedServer, error: unknown): void {
    this.#options.log.warn({ err: error, server: server.address, silentMs: this.#silentMs(server) }, 'the share of this process could not be renewed')
  }

  #stopIfSilent (server: SharedServer): void {
    if (server.limit() === 0 || this.#silentMs(server) <= this.#timing.stopAfterMs) return
    this.#options.log.error({ server: server.address, silentMs: this.#silentMs(server) }, 'no connection is opened until the registry renews the share of this process')
    server.resize(0)
  }

  #silentMs ({ address }: SharedServer): number {
    return performance.now() - (this.#renewedAt.get(address) ?? -Infinity)
  }
}
