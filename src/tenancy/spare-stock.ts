// The spares of every open server, kept at their number: one refill at a time in a process, and each process hears of it.
import { sql } from 'kysely'
import { type RegistryListener, type Subscription } from '../registry/listener.js'
import { fillSpares } from './fill-spares.js'
import { type Provisioning } from './provisioning.js'
import { type Rehearsal, warmSpares } from './warm-spares.js'

/** What a process NOTIFYs that has made spares, for all that take sign-ups. */
const SPARES_MADE = 'spares_made'

export interface Refill { made: number, failed: number }

export class SpareStock {
  readonly #work: Provisioning
  readonly #wanted: number
  readonly #warm: Parameters<typeof warmSpares>[1]
  #refilling: Promise<Refill> | undefined
  #again = false
  #warming: Promise<void> = Promise.resolve()

  /** `wanted`: spares a server; `warm` leases one, so that its connection is open when it is claimed. */
  constructor (work: Provisioning, wanted: number, warm: Parameters<typeof warmSpares>[1]) {
    this.#work = work
    this.#wanted = wanted
    this.#warm = warm
  }

  /** A call during a refill makes it look again at its end. */
  refill (rehearse?: Rehearsal): Promise<Refill> {
    this.#again = true
    this.#refilling ??= this.#fill(rehearse).finally(() => { this.#refilling = undefined })
    return this.#refilling
  }

  /** From now on connections to the spares are open, whichever process makes them: until the subscription is closed. */
  keepWarm (listener: RegistryListener, rehearse?: Rehearsal): Subscription {
    const warm = (): void => {
      this.#warmUp(rehearse).catch((error: unknown) => {
        this.#work.log.warn({ err: error }, 'the spares could not be looked up; the next sign-up opens its connection itself')
      })
    }
    return listener.on(SPARES_MADE, warm, warm)
  }

  async #fill (rehearse: Rehearsal | undefined): Promise<Refill> {
    let [made, failed] = [0, 0]
    while (this.#again) {
      this.#again = false
      // Those at hand first: making more takes seconds, and the next sign-up may come before.
      await this.#warmUp(rehearse)
      const filled = await fillSpares(this.#work, this.#wanted)
      made += filled.made
      failed += filled.failed
      if (filled.made > 0) await sql`SELECT pg_notify(${SPARES_MADE}, '')`.execute(this.#work.registry)
      await this.#warmUp(rehearse)
    }
    return { made, failed }
  }

  /** One after another: a process that makes spares hears of it as well, and finds them warm. */
  #warmUp (rehearse: Rehearsal | undefined): Promise<void> {
    const warmed = this.#warming.then(() => warmSpares(this.#work, this.#warm, rehearse))
    this.#warming = warmed.catch(() => undefined)
    return warmed
  }
}
