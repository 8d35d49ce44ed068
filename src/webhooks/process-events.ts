// Works the ledger off: claims what is due, lets each provider's events be applied, and writes down what became of each.
import { Type } from 'typebox'
import { type Services } from '../services.js'
import { claimEvents, hearWakeUps } from './claim-queries.js'
import { keepFailed } from './keep-failed.js'
import { type ClaimedEvent, type Outcome, processingTask, settleEvents, type SettledEvent } from './queries.js'
import { planTakeOver, takeOver } from './take-over.js'
import { applyTelnyxEvents } from './telnyx/apply-events.js'

/** Events applied together. */
export const claimSize = 500
/** Longer than any batch takes; what is applied twice after all changes nothing the second time. */
const leaseSeconds = 120
const mostAttempts = 8

/** The job itself is in jobs.ts, which imports this file. */
const job = { name: processingTask, schema: Type.Object({}) }

interface Run { wakeUps: number }

/** Commits wake a run each, and one at a time in a process is enough: it goes on until nothing is due. */
const runs = new WeakMap<Services, Run>()

/** Resolves when nothing is due any more, or once `signal` asks to stop; what is left is found by the next run. */
export async function processEvents (services: Services, signal: AbortSignal): Promise<void> {
  const running = runs.get(services)
  if (running !== undefined) {
    // It may have looked for the last time just before the commit that woke us: it looks once more.
    running.wakeUps++
    return
  }
  const run: Run = { wakeUps: 1 }
  runs.set(services, run)
  try {
    for (let seen = 0; seen < run.wakeUps;) {
      seen = run.wakeUps
      while (!signal.aborted && await processBatch(services));
    }
    if (signal.aborted) await services.jobs.enqueue(job, {}, { key: processingTask })
  } finally {
    runs.delete(services)
  }
}

/** Takes over what a process held that died, and works it off. */
export async function processOrphans (services: Services, payload: { session: number }, signal: AbortSignal): Promise<void> {
  if (await takeOver(services, payload, leaseSeconds)) await processEvents(services, signal)
}

async function processBatch (services: Services): Promise<boolean> {
  const { sessionId } = services.listener
  if (sessionId !== undefined) await planTakeOver(services, sessionId)
  await hearWakeUps(services.registry)
  const claimed = await claimEvents(services.registry, claimSize, leaseSeconds, sessionId)
  if (claimed.length === 0) return false
  const worn = claimed.filter(({ attempt }) => attempt > mostAttempts)
  const outcomes = await applyTelnyxEvents(services, claimed.filter(({ attempt }) => attempt <= mostAttempts))
  for (const { id } of worn) outcomes.push({ id, outcome: { status: 'failed', reason: 'The process ended each time while this event was worked on.' } })
  const settled = await keepFailed(services, claimed, outcomes.map((one) => giveUpInTime(one, claimed)))
  await settleEvents(services.registry, settled)
  for (const { outcome } of settled) services.metrics.webhooks.inc({ provider: 'telnyx', outcome: outcome.status === 'received' ? 'retried' : outcome.status })
  await returnWhenDue(services, settled)
  return true
}

function giveUpInTime ({ id, outcome }: SettledEvent, claimed: readonly ClaimedEvent[]): SettledEvent {
  const attempt = claimed.find((event) => event.id === id)?.attempt ?? 0
  if (outcome.status !== 'received' || !outcome.counts || attempt < mostAttempts) return { id, outcome }
  const failed: Outcome = { status: 'failed', reason: outcome.reason, ...(outcome.tenantId === undefined ? {} : { tenantId: outcome.tenantId }) }
  return { id, outcome: failed }
}

/** The minute's sweep would find them too, only later. */
async function returnWhenDue (services: Services, settled: readonly SettledEvent[]): Promise<void> {
  const delays = settled.flatMap(({ outcome }) => outcome.status === 'received' ? outcome.delaySeconds : [])
  if (delays.length === 0) return
  const runAt = new Date(services.clock.now().getTime() + Math.min(...delays) * 1_000)
  await services.jobs.enqueue(job, {}, { key: `${processingTask}:retry`, runAt })
}
