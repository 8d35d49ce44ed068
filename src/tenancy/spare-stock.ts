// The spares of every open server, kept at their number: one refill at a time in a process.
import { fillSpares } from './fill-spares.js'
import { type Provisioning } from './provisioning.js'
import { warmSpares } from './warm-spares.js'

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

  async #fill (): Promise<Refill> {
    let [made, failed] = [0, 0]
    while (this.#again) {
      this.#again = false
      const filled = await fillSpares(this.#work, this.#wanted)
      made += filled.made
      failed += filled.failed
      await warmSpares(this.#work, this.#warm)
    }
    return { made, failed }
  }
}
