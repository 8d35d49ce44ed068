// A visit to one tenant's outbox: settles what a dead worker left, sends answers at once and a slice of its broadcasts, and sees to the next visit.
import { Problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { planCollection, watchUnknown } from '../dead-letters/watch-unknown.js'
import { announceEvents } from '../events/record-event.js'
import { AccountRates } from './account-rates.js'
import { BroadcastPlaces } from './broadcast-places.js'
import { finishMessages } from './finish-messages.js'
import { keepToDaytime } from './keep-to-daytime.js'
import { type Outlook, readOutlook, recoverClaims } from './queue-queries.js'
import { divideSlots, runSlice, type Sending } from './run-slice.js'
import { type Traffic } from './traffic.js'
import { guardDispatch, visitAt, wakeDispatch } from './wake-dispatch.js'

const busyPauseMs = 5_000
/** A carrier that takes longer to answer gets no more of the job's time: answers to others wait for its place. */
const longestWaitMs = 250

interface Dispatching extends Sending { places: BroadcastPlaces, timers: Map<TenantId, NodeJS.Timeout> }
const dispatching = new WeakMap<Services, Dispatching>()

interface Visit { services: Services, tenantId: TenantId, signal: AbortSignal }

/**
 * Safe to call at any time, by several processes at once: what one has claimed the others pass over. Answers are sent by each
 * call, beside whatever broadcast is under way; broadcasts by one call a tenant and process.
 */
export async function dispatch (services: Services, tenantId: TenantId, signal: AbortSignal): Promise<void> {
  const visit = { services, tenantId, signal }
  await seeTo(visit, () => visitTenant(visit))
}

/** Does it, and sees to the next visit, in so many milliseconds as it says: 0 or less for at once, null for none. */
async function seeTo ({ services, tenantId }: Visit, work: () => Promise<number | null>): Promise<void> {
  let nextInMs: number | null
  try {
    nextInMs = await work()
  } catch (error) {
    nextInMs = afterProblem(services, tenantId, error)
  }
  if (nextInMs !== null && nextInMs <= 0) await wakeDispatch(services, tenantId)
  else if (nextInMs !== null) {
    if (nextInMs < 1_000) visitSoon(services, tenantId, nextInMs)
    // Behind it, for a process that dies before.
    await visitAt(services, tenantId, new Date(services.clock.now().getTime() + nextInMs))
  }
}

/** Jobs are planned by the second: too coarse for the next token. One call a tenant at a time, the later. */
function visitSoon (services: Services, tenantId: TenantId, inMs: number): void {
  const { timers } = dispatchingOf(services)
  clearTimeout(timers.get(tenantId))
  timers.set(tenantId, setTimeout(() => {
    timers.delete(tenantId)
    void wakeDispatch(services, tenantId)
  }, inMs).unref())
}

async function visitTenant (visit: Visit): Promise<number | null> {
  const { services, tenantId } = visit
  const found = await look(visit)
  if (found.claimedForMs === null && !isDue(found.answersInMs) && !isDue(found.broadcastsInMs)) return soonest(visit, found)
  // From here on there is something to lose: another visit is certain before anything is touched.
  await guardDispatch(services, tenantId)
  if ((found.claimedForMs ?? 0) >= services.config.SEND_RECOVERY_MS) await recoverLost(visit)
  await services.tenancy.withTenant(tenantId, (db) => keepToDaytime(services, db))
  if (isDue(found.answersInMs)) await services.background.waitFor(seeTo(visit, () => answer(visit)), longestWaitMs)
  if (isDue(found.broadcastsInMs)) return await broadcast(visit)
  return soonest(visit, { ...await look(visit), answersInMs: null })
}

async function answer (visit: Visit): Promise<number | null> {
  const { services, tenantId, signal } = visit
  const { pauseMs } = await runSlice(services, tenantId, 'answers', dispatchingOf(services), signal)
  return soonest(visit, { ...await look(visit), broadcastsInMs: null, claimedForMs: null }, { answers: pauseMs, broadcasts: null })
}

async function broadcast (visit: Visit): Promise<number | null> {
  const { services, tenantId, signal } = visit
  const sending = dispatchingOf(services)
  const { places } = sending
  if (!places.enter(tenantId)) return null
  let nextInMs: number | null
  let called = false
  try {
    const { pauseMs } = await runSlice(services, tenantId, 'broadcasts', sending, signal)
    nextInMs = soonest(visit, await look(visit), { answers: null, broadcasts: pauseMs })
  } finally {
    const left = places.leave(tenantId, signal.aborted)
    called = left.called
    for (const next of left.next) await wakeDispatch(services, next)
  }
  return called ? 0 : nextInMs
}

async function look ({ services, tenantId }: Visit): Promise<Outlook> {
  return await services.tenancy.withTenant(tenantId, async (db) => {
    if (await finishMessages(db) > 0) announceEvents(services, tenantId)
    return await readOutlook(db)
  })
}

async function recoverLost ({ services, tenantId }: Visit): Promise<void> {
  await planCollection(services, tenantId)
  const lost = await services.tenancy.withTenant(tenantId, async (db) => await db.transaction().execute(async (trx) => {
    const texts = await recoverClaims(trx, services.config.SEND_RECOVERY_MS)
    if (texts.length > 0) await watchUnknown(trx, texts)
    return texts.length
  }))
  if (lost === 0) return
  announceEvents(services, tenantId)
  services.log.warn({ tenantId, texts: lost }, 'a worker was lost while sending; these texts count as unknown until the carrier reports them')
}

function isDue (inMs: number | null): boolean {
  return inMs !== null && inMs <= 0
}

/** When something is left to do: the next due text, but not before the carrier takes texts again (`pauses`, in milliseconds), or the moment a claim counts as lost. */
function soonest ({ services: { config } }: Visit, { answersInMs, broadcastsInMs, claimedForMs }: Outlook, pauses: Record<Traffic, number | null> = { answers: null, broadcasts: null }): number | null {
  const times = [
    ...(answersInMs === null ? [] : [Math.max(answersInMs, pauses.answers ?? answersInMs)]),
    ...(broadcastsInMs === null ? [] : [Math.max(broadcastsInMs, pauses.broadcasts ?? broadcastsInMs)]),
    ...(claimedForMs === null ? [] : [Math.max(config.SEND_RECOVERY_MS - claimedForMs, 1)])
  ]
  return times.length === 0 ? null : Math.min(...times)
}

/** A tenant that is gone or suspended sends nothing; whoever resumes it wakes its outbox. A database out of reach is visited again. */
function afterProblem ({ log }: Services, tenantId: TenantId, error: unknown): number | null {
  if (!(error instanceof Problem) || (error.status >= 500 && error.status !== 503)) throw error
  if (error.status === 503) {
    log.warn({ err: error, tenantId }, 'an outbox could not be visited; trying again')
    return (error.retryAfter ?? 0) * 1_000 + busyPauseMs
  }
  log.info({ tenantId, code: error.code }, 'an outbox is left alone')
  return null
}

function dispatchingOf (services: Services): Dispatching {
  let known = dispatching.get(services)
  if (known === undefined) {
    const { SEND_CONCURRENCY, WORKER_CONCURRENCY } = services.config
    known = { slots: divideSlots(SEND_CONCURRENCY), account: new AccountRates(services), places: new BroadcastPlaces(WORKER_CONCURRENCY), timers: new Map() }
    dispatching.set(services, known)
  }
  return known
}
