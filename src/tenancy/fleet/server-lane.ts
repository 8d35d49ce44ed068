// One server's share of a phase: so many tenants at a time, claimed a handful at once, until none is left to claim.
import { type Provisioning } from '../provisioning.js'
import { type Claim, type ClaimOf, claimTenants, giveBack, type TenantOutcome } from './claim-queries.js'
import { type FleetTiming } from './fleet-timing.js'
import { migrateClaimed, ServerSilent } from './migrate-claimed.js'
import { type OutcomeRecorder } from './outcome-recorder.js'

export interface Lane extends ClaimOf {
  work: Provisioning
  server: string
  width: number
  canaries: boolean
  timing: FleetTiming
  recorder: OutcomeRecorder
  onOutcome: (outcome: TenantOutcome) => void
  /** False once nothing new is to be begun. */
  mayGoOn: () => boolean
}

/**
 * Resolves with what the server said when it stopped answering, otherwise with undefined.
 * Rejects when the registry fails; tenants in hand are then taken over by the next runner.
 */
export async function runLane (lane: Lane): Promise<ServerSilent | undefined> {
  const queue = new ClaimQueue(lane)
  let silent: ServerSilent | undefined
  const worker = async (): Promise<void> => {
    for (let claim = await queue.next(); claim !== undefined; claim = await queue.next()) {
      if (silent !== undefined || !lane.mayGoOn()) {
        queue.putBack(claim)
        return
      }
      try {
        await migrate(lane, claim)
      } catch (error) {
        queue.putBack(claim)
        if (!(error instanceof ServerSilent)) throw error
        silent = error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: lane.width }, worker))
  await queue.close()
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  return silent
}

async function migrate (lane: Lane, claim: Claim): Promise<void> {
  const { work, run, server, timing } = lane
  await work.onStep('fleet-claimed', claim.id)
  const outcome = await migrateClaimed(work, claim, { server, target: run.target, direction: run.direction, timing })
  await lane.recorder.record(outcome)
  await work.onStep('fleet-recorded', claim.id)
  lane.onOutcome(outcome)
}

class ClaimQueue {
  readonly #lane: Lane
  readonly #claims: Claim[] = []
  #claiming: Promise<void> | undefined
  #exhausted = false

  constructor (lane: Lane) { this.#lane = lane }

  async next (): Promise<Claim | undefined> {
    while (this.#claims.length === 0 && !this.#exhausted) {
      this.#claiming ??= this.#claim().finally(() => { this.#claiming = undefined })
      await this.#claiming
    }
    return this.#claims.shift()
  }

  putBack (claim: Claim): void { this.#claims.unshift(claim) }

  /** What was claimed and not touched is anybody's again. */
  async close (): Promise<void> {
    this.#exhausted = true
    const left = this.#claims.splice(0)
    if (left.length > 0) await giveBack(this.#lane.work.registry, this.#lane.owner, left.map(({ id }) => id))
  }

  async #claim (): Promise<void> {
    const { work, server, width, canaries } = this.#lane
    const claims = await claimTenants(work.registry, this.#lane, server, 2 * width, canaries)
    if (claims.length === 0) this.#exhausted = true
    this.#claims.push(...claims)
  }
}
