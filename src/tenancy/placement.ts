// Where the next tenant goes: the least full server first, and none that does not answer just now.
import { type RegistryDb } from '../registry/db.js'
import { type ServerAdministration } from './server-administration.js'
import { serversByFullness } from './servers.js'

/** How full servers are changes slowly: a sign-up with a spare need not ask. In milliseconds. */
const REMEMBERED_MS = 10_000

export class Placement {
  readonly #registry: RegistryDb
  readonly #servers: ServerAdministration
  #names: string[] = []
  #askedAt = -Infinity

  constructor (registry: RegistryDb, servers: ServerAdministration) {
    this.#registry = registry
    this.#servers = servers
  }

  /** Names of servers that may have a spare to give. `anew`: what is remembered led to none. */
  async order (anew = false): Promise<string[]> {
    const now = performance.now()
    if (anew || now - this.#askedAt > REMEMBERED_MS) {
      this.#names = await serversByFullness(this.#registry, this.#servers.names)
      this.#askedAt = now
    }
    return this.answering(this.#names)
  }

  /** Without those whose breaker is open; when its pause is over the next sign-up tries the server again. */
  answering (names: readonly string[]): string[] {
    return names.filter((name) => this.#servers.answers(name))
  }
}
