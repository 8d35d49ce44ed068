// One tenant's turn at the carrier: a slice with its claims, its results and the slots of its kind of traffic.
import { randomUUID } from 'node:crypto'
import { publicUrl } from '../../config.js'
import { fieldCrypto } from '../../crypto/fields.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { planCollection, watchUnknown } from '../dead-letters/watch-unknown.js'
import { announceEvents } from '../events/record-event.js'
import { makeMediaLink } from '../media/media-link.js'
import { type AccountRates } from './account-rates.js'
import { type BroadcastPlaces } from './broadcast-places.js'
import { closeBucket, databaseNow, numberBucket } from './bucket-queries.js'
import { type ClaimedText } from './claim-queries.js'
import { claimTexts } from './claim-texts.js'
import { type TextResult, writeResults } from './queue-queries.js'
import { ResultRecorder } from './result-recorder.js'
import { SendSlice, type SliceEnd } from './send-slice.js'
import { SendSlots } from './send-slots.js'
import { makeStatusToken, statusUrl } from './status-token.js'
import { type Traffic } from './traffic.js'

/** So long a tenant with much to send keeps the others waiting for a place among the running jobs. */
const longestSliceMs = 2_000
/** So long it goes on while others still find a place. Well within SEND_RECOVERY_MS, so that the net outlasts the visit, and within what quiet hours leave as a margin. */
const longestTurnMs = 8_000
const mostReserved = 8

/** Of one process. An eighth is the answers' own, so that no broadcast, however slow its carrier, holds all of them. */
export type Slots = Record<Traffic, SendSlots>

/** What all slices of one process share. */
export interface Sending { slots: Slots, account: AccountRates, places: Pick<BroadcastPlaces, 'isFull'> }

export function divideSlots (concurrency: number): Slots {
  if (concurrency === 1) {
    const only = new SendSlots(1)
    return { answers: only, broadcasts: only }
  }
  const reserved = Math.min(Math.ceil(concurrency / 8), mostReserved)
  return { answers: new SendSlots(reserved), broadcasts: new SendSlots(concurrency - reserved) }
}

export async function runSlice (services: Services, tenantId: TenantId, traffic: Traffic, { slots: { [traffic]: slots }, account, places }: Sending, signal: AbortSignal): Promise<SliceEnd> {
  const { tenancy, config, log, carrier, metrics } = services
  const token = randomUUID()
  const sliceMs = Math.min(longestSliceMs, config.SEND_RECOVERY_MS / 4)
  const recorder = new ResultRecorder({
    write: (results) => record(services, tenantId, token, results), giveUpMs: config.SEND_RECOVERY_MS, log
  })
  return await new SendSlice({
    claim: (limit) => tenancy.withTenant(tenantId, (db) => claimTexts(db, { token, traffic, limit, now: databaseNow }, config)),
    closeNumber: (from, ms) => tenancy.withTenant(tenantId, (db) => closeBucket(db, numberBucket(traffic, from), ms)),
    prepare: prepareText(services, tenantId),
    send: (text) => carrier.send(text),
    recorder,
    slots,
    concurrency: slots.size,
    permits: account.permits(traffic, 2 * sliceMs),
    sliceMs,
    mayGoOn: (ms) => ms < Math.min(longestTurnMs, config.SEND_RECOVERY_MS / 2) && !places.isFull(),
    freshMs: (config.SEND_RECOVERY_MS - config.SEND_TIMEOUT_MS) / 2,
    signal,
    onOutcome: (outcome) => { metrics.sends.inc({ outcome }) }
  }).run()
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
