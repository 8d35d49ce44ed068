// A run over the fleet: spares and templates first, then canaries, then the rest of every server, each within its own bounds.
import { renewOutdated } from '../fill-spares.js'
import { type Provisioning } from '../provisioning.js'
import { ensureTemplate } from '../template.js'
import { type Beginning, openRun, refuseUnfit, sameTerms, sparesTo, survey } from './begin-run.js'
import { beat, type ClaimOf } from './claim-queries.js'
import { type FleetOrder, type FleetProgress, type FleetResult } from './fleet-order.js'
import { type FleetTiming } from './fleet-timing.js'
import { FleetPhases } from './fleet-phases.js'
import { laneWidth } from './lane-width.js'
import { finishRun } from './run-queries.js'

/**
 * One query of the registry when there is nothing to do. Several runners share a run, and each goes on with what a dead one
 * left. What fails is recorded with its tenant, and tried again by the next run.
 * @throws FleetRefused before anything is touched; the registry's errors
 */
export async function runFleet (work: Provisioning, order: FleetOrder, timing: FleetTiming, onProgress: (progress: FleetProgress) => void): Promise<FleetResult> {
  const begun = performance.now()
  const beginning = await survey(work.registry, order, work.servers.names)
  refuseUnfit(order, beginning)
  const { settings, state } = beginning
  if (state.behind.length === 0 && state.spares === 0) {
    // Its runner died between the last tenant and the last word, or is about to say it.
    if (state.open !== null && sameTerms(state.open, settings)) await finishRun(work.registry, state.open.id, 'done')
    return { target: settings.target, outcome: 'nothing to do', migrated: 0, byOthers: 0, failed: [], unreachable: [], left: 0, ms: performance.now() - begun }
  }
  const run = await openRun(work.registry, beginning)
  const claiming: ClaimOf = { run, owner: work.owner, leaseSeconds: timing.leaseSeconds }
  const stopBeating = keepBeating(work, claiming, timing.heartbeatMs)
  try {
    await work.onStep('fleet-begun', run.id)
    const renewed = await renewSpares(work, beginning, onProgress)
    const phases = new FleetPhases(work, claiming, timing, onProgress)
    const result = await phases.run()
    return { ...result, migrated: result.migrated + renewed, ms: performance.now() - begun }
  } finally {
    stopBeating()
  }
}

/** A sign-up in the middle of a long run finds what it needs at the new version. */
async function renewSpares (work: Provisioning, { settings, state }: Beginning, onProgress: (progress: FleetProgress) => void): Promise<number> {
  if (sparesTo(settings) === undefined) return 0
  onProgress({ phase: 'spares', servers: [] })
  for (const server of work.servers.names) {
    await ensureTemplate(work, server).catch((error: unknown) => {
      work.log.warn({ err: error, server }, 'no template of the new version could be made; new databases there are migrated from the beginning')
    })
  }
  const [first = ''] = work.servers.names
  const renewing = Array.from({ length: Math.min(state.spares, laneWidth(work, first, settings.concurrency)) }, () => renewOutdated(work))
  return (await Promise.all(renewing)).reduce((sum, { renewed }) => sum + renewed, 0)
}

function keepBeating (work: Provisioning, claiming: ClaimOf, everyMs: number): () => void {
  let beating = false
  const timer = setInterval(() => {
    if (beating) return
    beating = true
    beat(work.registry, claiming)
      .catch((error: unknown) => { work.log.warn({ err: error }, 'the registry did not hear that this runner lives; another may take over its tenants') })
      .finally(() => { beating = false })
  }, everyMs)
  return () => { clearInterval(timer) }
}
