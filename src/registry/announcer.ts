// Tells every process that a tenant has something new, through the registry's NOTIFY: many tenants in one statement.
import { sql } from 'kysely'
import { type Logger } from 'pino'
import { type RegistryDb } from './db.js'

/** Between two statements, in milliseconds: what is announced meanwhile goes together in the second. */
const pauseMs = 50

export class Announcer {
  readonly channel: string
  readonly #registry: RegistryDb
  readonly #log: Logger
  #waiting = new Set<string>()
  #sending: Promise<void> | undefined
  #paused: NodeJS.Timeout | undefined

  constructor (registry: RegistryDb, channel: string, log: Logger) {
    this.#registry = registry
    this.channel = channel
    this.#log = log
  }

  /** Never throws: what could not be told is logged, and is heard with the next thing that happens to the tenant. */
  announce (tenantId: string): void {
    this.#waiting.add(tenantId)
    if (this.#sending === undefined && this.#paused === undefined) this.#send()
  }

  /** Resolves when everything announced before has been told. */
  async flush (): Promise<void> {
    clearTimeout(this.#paused)
    this.#paused = undefined
    await this.#sending
    if (this.#waiting.size > 0) this.#send()
    await this.#sending
  }

  #send (): void {
    const ids = [...this.#waiting]
    this.#waiting = new Set()
    this.#sending = this.#notify(ids).finally(() => {
      this.#sending = undefined
      this.#paused ??= setTimeout(() => {
        this.#paused = undefined
        if (this.#waiting.size > 0 && this.#sending === undefined) this.#send()
      }, pauseMs).unref()
    })
  }

  async #notify (ids: string[]): Promise<void> {
    try {
      await sql`SELECT pg_notify(${this.channel}, id) FROM unnest(${ids}::text[]) AS id`.execute(this.#registry)
    } catch (error) {
      this.#log.warn({ err: error, tenants: ids.length }, 'events could not be announced; their listeners see them with the next')
    }
  }
}
