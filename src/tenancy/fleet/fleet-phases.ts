// The two rounds of a run over tenants: canaries, then everybody; each server's lane beside the others, until none is left.
import { setTimeout as pause } from 'node:timers/promises'
import { type Provisioning } from '../provisioning.js'
import { type ClaimOf, countMigrated, readFailures, readStanding, type Standing, type TenantOutcome } from './claim-queries.js'
import { type FleetPhase, type FleetProgress, type FleetResult } from './fleet-order.js'
import { type FleetTiming } from './fleet-timing.js'
import { laneWidth } from './lane-width.js'
import { OutcomeRecorder } from './outcome-recorder.js'
import { finishRun } from './run-queries.js'
import { runLane } from './server-lane.js'

interface Tally { total: number, done: number, failed: number }

export class FleetPhases {
  readonly #work: Provisioning
  readonly #claiming: ClaimOf
  readonly #timing: FleetTiming
  readonly #onProgress: (progress: FleetProgress) => void
  readonly #recorder: OutcomeRecorder
  readonly #silent = new Map<string, string>()
  #tallies = new Map<string, Tally>()
  #migrated = 0
  #stopped = false

  constructor (work: Provisioning, claiming: ClaimOf, timing: FleetTiming, onProgress: (progress: FleetProgress) => void) {
    this.#work = work
    this.#claiming = claiming
    this.#timing = timing
    this.#onProgress = onProgress
    this.#recorder = new OutcomeRecorder(work.registry, claiming.owner)
  }

  /** Throws the registry's errors; the run then stays open, and the next runner goes on with it. */
  async run (): Promise<Omit<FleetResult, 'ms'>> {
    const { run } = this.#claiming
    if (run.canaries.length > 0) {
      await this.#phase('canary')
      await this.#work.onStep('fleet-canaries', run.id)
    }
    if (!this.#stopped) await this.#phase('rest')
    return await this.#finish()
  }

  async #phase (phase: FleetPhase): Promise<void> {
    this.#tallies = new Map()
    for (;;) {
      const standing = await readStanding(this.#work.registry, this.#claiming.run, phase === 'canary')
      this.#tallyUp(phase, standing)
      const servers = standing.filter(({ server, left, failed }) => left > failed && !this.#isSilent(server)).map(({ server }) => server)
      if (phase === 'canary' && standing.some(({ server, failed }) => failed > 0 || this.#isSilent(server))) this.#stopped = true
      if (this.#stopped || servers.length === 0) return
      const before = this.#migrated
      await Promise.all(servers.map((server) => this.#lane(phase, server)))
      // What is left is in other hands: they finish, or their lease runs out.
      if (this.#migrated === before) await pause(this.#timing.pollMs)
    }
  }

  async #lane (phase: FleetPhase, server: string): Promise<void> {
    const silent = await runLane({
      ...this.#claiming,
      work: this.#work,
      server,
      width: laneWidth(this.#work, server, this.#claiming.run.concurrency),
      canaries: phase === 'canary',
      timing: this.#timing,
      recorder: this.#recorder,
      onOutcome: (outcome) => { this.#note(phase, server, outcome) },
      mayGoOn: () => !this.#stopped
    })
    if (silent !== undefined) this.#silent.set(server, silent.message)
  }

  #note (phase: FleetPhase, server: string, { id, error }: TenantOutcome): void {
    const tally = this.#tallies.get(server)
    if (error === null) this.#migrated++
    else if (phase === 'canary' || this.#claiming.run.onError === 'stop') this.#stopped = true
    if (tally !== undefined) tally[error === null ? 'done' : 'failed']++
    this.#tell(phase, error === null ? undefined : { tenantId: id, error })
  }

  /** From the registry, which knows what other runners did as well. */
  #tallyUp (phase: FleetPhase, standing: Standing[]): void {
    for (const { server, left } of standing) if (!this.#tallies.has(server)) this.#tallies.set(server, { total: left, done: 0, failed: 0 })
    for (const [server, tally] of this.#tallies) {
      const { left, failed } = standing.find((one) => one.server === server) ?? { left: 0, failed: 0 }
      tally.failed = failed
      tally.done = tally.total - left
    }
    if (this.#claiming.run.onError === 'stop' && standing.some(({ failed }) => failed > 0)) this.#stopped = true
    this.#tell(phase)
  }

  #tell (phase: FleetPhase, failure?: FleetProgress['failure']): void {
    const servers = [...this.#tallies].map(([server, tally]) => ({ server, ...tally }))
    this.#onProgress({ phase, servers, ...(failure === undefined ? {} : { failure }) })
  }

  /** Without a place in the settings there is no way to it. */
  #isSilent (server: string): boolean {
    if (!this.#work.servers.names.includes(server)) this.#silent.set(server, `TENANT_SERVERS names no server ${server}. Add it to the setting.`)
    return this.#silent.has(server)
  }

  async #finish (): Promise<Omit<FleetResult, 'ms'>> {
    const { run } = this.#claiming
    const { registry } = this.#work
    const standing = await readStanding(registry, run, false)
    const failed = await readFailures(registry, run.id)
    const unreachable = [...this.#silent].map(([server, error]) => ({ server, tenants: leftAt(standing, server), error })).filter(({ tenants }) => tenants > 0)
    const outcome = this.#stopped ? 'stopped' : failed.length + unreachable.length > 0 ? 'failed' : 'done'
    const migratedInAll = await countMigrated(registry, run.id)
    await finishRun(registry, run.id, outcome)
    const left = standing.reduce((sum, one) => sum + one.left, 0)
    return { run: run.id, target: run.target, outcome, migrated: this.#migrated, byOthers: Math.max(0, migratedInAll - this.#migrated), failed, unreachable, left }
  }
}

function leftAt (standing: Standing[], server: string): number {
  const one = standing.find((candidate) => candidate.server === server)
  return one === undefined ? 0 : one.left - one.failed
}
