// Texts those again whom a broadcast did not reach because it failed: once each, and never where anything may have arrived.
import { type Static } from 'typebox'
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { holdForMessage } from '../media/hold-for-message.js'
import { senderFor } from '../numbers/default-sender.js'
import { planDepartures, readDaytimeRules } from '../quiet-hours/departures.js'
import { queueChosen } from './departure-queries.js'
import { carrierUnreachable } from './retry-later.js'
import { type RetryFailed } from './schemas.js'
import { findBroadcast } from './steer-message.js'
import { insertFailedAgain, insertRetry } from './steer-queries.js'
import { guardDispatch, wakeDispatch } from './wake-dispatch.js'

/**
 * A new message rather than the old rows again: a recipient's state only goes forward, each text keeps its own result, and a late
 * report of the first one cannot be taken for the second's. Each failed recipient is marked in the same statement, so that two
 * requests at once never text one person twice.
 * @returns the new message's id
 * @throws problem('MESSAGE_NOT_FOUND'), 'MESSAGE_NOT_BROADCAST', 'NOTHING_TO_RETRY', 'NO_SENDING_NUMBER', 'MEDIA_NOT_FOUND' when a file of it has been deleted
 */
export async function retryFailed (services: Services, db: TenantDb, tenant: Tenant, messageId: string, { reasons = 'temporary' }: Static<typeof RetryFailed>, by: RequestedBy): Promise<string> {
  const codes = reasons === 'any' ? null : [...services.carrier.temporaryFailures, carrierUnreachable]
  await guardDispatch(services, tenant.id)
  const id = await db.transaction().execute(async (trx) => {
    const { text, media_urls: mediaUrls, media_ids: mediaIds, from_number: first, topic } = await findBroadcast(trx, messageId)
    await holdForMessage(trx, mediaIds, mediaUrls)
    const { number: from } = await senderFor(trx, first)
    const id = await insertRetry(trx, { retryOf: messageId, text, mediaUrls, mediaIds, from, topic, createdBy: by.adminId })
    const departures = await planDepartures(trx, tenant.timeZone, services.clock.now(), await readDaytimeRules(trx, services.config), null)
    const recipients = await insertFailedAgain(trx, messageId, { id, topic, queue: queueChosen(id, tenant.timeZone, departures) }, codes)
    if (recipients === 0) throw problem('NOTHING_TO_RETRY')
    await recordAudit(trx, by, { action: 'message.retried', subjectKind: 'message', subjectId: messageId, after: { retry: id, recipients } })
    return id
  })
  await wakeDispatch(services, tenant.id)
  return id
}
