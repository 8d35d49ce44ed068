// Writes how tenants fared: those that end while one write is on its way go together with the next.
import { type RegistryDb } from '../../registry/db.js'
import { recordOutcomes, type TenantOutcome } from './claim-queries.js'

interface Waiting { outcome: TenantOutcome, done: () => void, failed: (error: unknown) => void }

/** Each write tells every process of the tenants in it, and such commits stand in line on the server: fewer are faster. */
export class OutcomeRecorder {
  #waiting: Waiting[] = []
  #writing = false

  constructor (readonly registry: RegistryDb, readonly owner: string) {}

  /** Resolves when it is in the registry. Rejects with the registry's errors. */
  record (outcome: TenantOutcome): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ outcome, done: resolve, failed: reject })
      if (!this.#writing) void this.#write()
    })
  }

  async #write (): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await recordOutcomes(this.registry, this.owner, batch.map(({ outcome }) => outcome))
        for (const { done } of batch) done()
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.#writing = false
  }
}
