// A visit to one tenant's outbox: settles what a dead worker left, sends a slice of what is due, and sees to the next visit.
import { randomUUID } from 'node:crypto'
import { publicUrl } from '../../config.js'
import { fieldCrypto } from '../../crypto/fields.js'
import { Problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { planCollection, watchUnknown } from '../dead-letters/watch-unknown.js'
import { announceEvents } from '../events/record-event.js'
import { makeMediaLink } from '../media/media-link.js'
import { type ClaimedText } from './claim-queries.js'
import { claimTexts } from './claim-texts.js'
import { finishMessages } from './finish-messages.js'
import { keepToDaytime } from './keep-to-daytime.js'
import { type Outlook, readOutlook, recoverClaims, type TextResult, writeResults } from './queue-queries.js'
import { ResultRecorder } from './result-recorder.js'
import { SendSlice, type SliceEnd } from './send-slice.js'
import { SendSlots } from './send-slots.js'
import { makeStatusToken, statusUrl } from './status-token.js'
import { guardDispatch, visitAt, wakeDispatch } from './wake-dispatch.js'

/** So long a tenant with much to send keeps the others waiting for a place among the running jobs. Well within SEND_RECOVERY_MS, so that the net outlasts the visit. */
const longestSliceMs = 2_000
const busyPauseMs = 5_000

/** Of each process: its slots, and the tenants it is visiting. `again`: somebody called while we were there. */
interface Dispatching { slots: SendSlots, visits: Map<TenantId, { again: boolean }> }
const dispatching = new WeakMap<Services, Dispatching>()

/** Safe to call at any time, by several processes at once: what one has claimed the others pass over. */
export async function dispatch (services: Services, tenantId: TenantId, signal: AbortSignal): Promise<void> {
  const { slots, visits } = dispatchingOf(services)
  const under = visits.get(tenantId)
  if (under !== undefined) {
    under.again = true
    // This call may have been the net of that visit.
    await guardDispatch(services, tenantId)
    return
  }
  const visit = { again: false }
  visits.set(tenantId, visit)
  let nextInMs: number | null = null
  try {
    do {
      visit.again = false
      nextInMs = await visitTenant(services, tenantId, slots, signal)
    } while (wasCalled(visit) && (nextInMs === null || nextInMs > 0) && !signal.aborted)
  } catch (error) {
    nextInMs = afterProblem(services, tenantId, error)
  } finally {
    visits.delete(tenantId)
  }
  // No longer among the visits, so the next one is not taken for a call to this one.
  if (nextInMs !== null && nextInMs <= 0) await wakeDispatch(services, tenantId)
  else if (nextInMs !== null) await visitAt(services, tenantId, new Date(services.clock.now().getTime() + nextInMs))
}

/** @returns milliseconds until the next visit, 0 or less for at once; null when the outbox is empty. */
async function visitTenant (services: Services, tenantId: TenantId, slots: SendSlots, signal: AbortSignal): Promise<number | null> {
  const { tenancy, config, log } = services
  const found = await tenancy.withTenant(tenantId, async (db) => {
    if (await finishMessages(db) > 0) announceEvents(services, tenantId)
    return await readOutlook(db)
  })
  if (found.claimedForMs === null && (found.dueInMs === null || found.dueInMs > 0)) return found.dueInMs
  // From here on there is something to lose: another visit is certain before anything is touched.
  await guardDispatch(services, tenantId)
  const lost = (found.claimedForMs ?? 0) < config.SEND_RECOVERY_MS ? 0 : await recoverLost(services, tenantId)
  if (lost > 0) log.warn({ tenantId, texts: lost }, 'a worker was lost while sending; these texts count as unknown until the carrier reports them')
  await tenancy.withTenant(tenantId, (db) => keepToDaytime(services, db))
  const { pauseMs } = await sendSlice(services, tenantId, slots, signal)
  const left = await tenancy.withTenant(tenantId, async (db) => {
    if (await finishMessages(db) > 0) announceEvents(services, tenantId)
    return await readOutlook(db)
  })
  return soonest(left, config.SEND_RECOVERY_MS, pauseMs)
}

async function recoverLost (services: Services, tenantId: TenantId): Promise<number> {
  await planCollection(services, tenantId)
  const count = await services.tenancy.withTenant(tenantId, async (db) => await db.transaction().execute(async (trx) => {
    const lost = await recoverClaims(trx, services.config.SEND_RECOVERY_MS)
    if (lost.length > 0) await watchUnknown(trx, lost)
    return lost.length
  }))
  if (count > 0) announceEvents(services, tenantId)
  return count
}

async function record (services: Services, tenantId: TenantId, token: string, results: readonly TextResult[]): Promise<void> {
  const unknown = results.filter(({ state }) => state === 'unknown')
  if (unknown.length > 0) await planCollection(services, tenantId)
  await services.tenancy.withTenant(tenantId, async (db) => {
    if (unknown.length === 0) await writeResults(db, token, results)
    else {
      await db.transaction().execute(async (trx) => {
        await writeResults(trx, token, results)
        await watchUnknown(trx, unknown)
      })
    }
  })
  announceEvents(services, tenantId)
}

async function sendSlice (services: Services, tenantId: TenantId, slots: SendSlots, signal: AbortSignal): Promise<SliceEnd> {
  const { tenancy, config, log, carrier, metrics } = services
  const token = randomUUID()
  const recorder = new ResultRecorder({
    write: (results) => record(services, tenantId, token, results), giveUpMs: config.SEND_RECOVERY_MS, log
  })
  return await new SendSlice({
    claim: (limit) => tenancy.withTenant(tenantId, (db) => claimTexts(db, token, limit)),
    prepare: prepareText(services, tenantId),
    send: (text) => carrier.send(text),
    recorder,
    slots,
    concurrency: config.SEND_CONCURRENCY,
    sliceMs: Math.min(longestSliceMs, config.SEND_RECOVERY_MS / 4),
    freshMs: (config.SEND_RECOVERY_MS - config.SEND_TIMEOUT_MS) / 2,
    signal,
    onOutcome: (outcome) => { metrics.sends.inc({ outcome }) }
  }).run()
}

function prepareText ({ keyring, config, clock }: Services, tenantId: TenantId) {
  const fields = fieldCrypto(keyring, tenantId)
  const ourUrl = publicUrl(config)
  return ({ messageId, phoneHash, phoneCipher, from, text, mediaUrls, mediaIds }: ClaimedText) => ({
    from,
    text,
    mediaUrls: [...mediaUrls, ...mediaIds.map((mediaId) => makeMediaLink(keyring, ourUrl, { tenantId, mediaId }, clock.now()))],
    to: fields.decrypt(phoneCipher),
    statusUrl: statusUrl(ourUrl, makeStatusToken(keyring, { tenantId, messageId, phoneHash }))
  })
}

/** When something is left to do: the next due text, but not before the carrier takes texts again, or the moment a claim counts as lost. */
function soonest ({ dueInMs, claimedForMs }: Outlook, recoveryMs: number, pauseMs: number | null): number | null {
  const times = [
    ...(dueInMs === null ? [] : [Math.max(dueInMs, pauseMs ?? dueInMs)]),
    ...(claimedForMs === null ? [] : [Math.max(recoveryMs - claimedForMs, 1)])
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

/** Read through a function, because it changes while we wait. */
function wasCalled (visit: { again: boolean }): boolean {
  return visit.again
}

function dispatchingOf (services: Services): Dispatching {
  let known = dispatching.get(services)
  if (known === undefined) {
    known = { slots: new SendSlots(services.config.SEND_CONCURRENCY), visits: new Map() }
    dispatching.set(services, known)
  }
  return known
}
