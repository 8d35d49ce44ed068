// Which failures are due: what is done to a server or an organization excuses some answers, while it lasts and until it is over everywhere.

export interface Excuse {
  /** The organization, the server whose organizations are meant, or neither: everybody. */
  tenant?: string
  server?: string
  codes: readonly string[]
  /** Reads are to be answered all the same. */
  writesOnly?: true
  /** How long after its end it still counts, in milliseconds. */
  echoMs: number
}

export interface Failure {
  tenant: string
  /** Where the organization was while it was asked. */
  servers: string[]
  code: string
  wrote: boolean
  begun: number
  ended: number
}

export class Excuses {
  readonly #given: Array<Excuse & { from: number, until: number }> = []

  /** Returns what ends it. */
  begin (excuse: Excuse): () => void {
    const given = { ...excuse, from: Date.now(), until: Infinity }
    this.#given.push(given)
    return () => { given.until = Date.now() + excuse.echoMs }
  }

  cover ({ tenant, servers, code, wrote, begun, ended }: Failure): boolean {
    return this.#given.some((excuse) =>
      excuse.codes.includes(code) && (wrote || excuse.writesOnly !== true) &&
      (excuse.tenant === undefined || excuse.tenant === tenant) && (excuse.server === undefined || servers.includes(excuse.server)) &&
      excuse.from <= ended && excuse.until >= begun)
  }
}
