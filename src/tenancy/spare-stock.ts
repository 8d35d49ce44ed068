// The spares of every open server, kept at their number: one refill at a time in a process, and each process hears of it.
import { sql } from 'kysely'
import { type RegistryListener, type Subscription } from '../registry/listener.js'
import { fillSpares } from './fill-spares.js'
import { type Provisioning } from './provisioning.js'
import { warmSpares } from './warm-spares.js'

/** What a process NOTIFYs that has made spares, for all that take sign-ups. */
const SPARES_MADE = 'spares_made'

export interface Refill { made: number, failed: number }

export class SpareStock {
  readonly #work: Provisioning
  readonly #wanted: number
  readonly #warm: Parameters<typeof warmSpares>[1]
  #refilling: Promise<Refill> | undefined
  #again = false

  /** `wanted`: spares a server; `warm` leases one, so that its connection is open when it is claimed. */
  constructor (work: Provisioning, wanted: number, warm: Parameters<typeof warmSpares>[1]) {
    this.#work = work
    this.#wanted = wanted
    this.#warm = warm
  }

  /** A call during a refill makes it look again at its end. */
  refill (): Promise<Refill> {
    this.#again = true
    this.#refilling ??= this.#fill().finally(() => { this.#refilling = undefined })
    return this.#refilling
  }

  /** From now on connections to the spares are open, whichever process makes them: until the subscription is closed. */
  keepWarm (listener: RegistryListener): Subscription {
    const warm = (): void => {
      warmSpares(this.#work, this.#warm).catch((error: unknown) => {
        this.#work.log.warn({ err: error }, 'the spares could not be looked up; the next sign-up opens its connection itself')
      })
    }
    return listener.on(SPARES_MADE, warm, warm)
  }

  async #fill (): Promise<Refill> {
    let [made, failed] = [0, 0]
    while (this.#again) {
      this.#again = false
      const filled = await fillSpares(this.#work, this.#wanted)
      made += filled.made
      failed += filled.failed
      if (filled.made > 0) await sql`SELECT pg_notify(${SPARES_MADE}, '')`.execute(this.#work.registry)
      await warmSpares(this.#work, this.#warm)
    }
    return { made, failed }
  }
}
