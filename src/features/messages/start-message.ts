// Starts a message: settles who gets it, at the moment it leaves, and queues a text for each.
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { planDepartures, readDaytimeRules } from '../quiet-hours/departures.js'
import { type Queued } from './audience-queries.js'
import { dropLate, queueChosen } from './departure-queries.js'
import { finishMessages } from './finish-messages.js'
import { failMessage, findScheduled, takeScheduled } from './queries.js'
import { queueRecipients } from './queue-recipients.js'
import { guardDispatch, wakeDispatch } from './wake-dispatch.js'

/** `chosen`: recipients, whether they can be texted or not. `queued`: those whose text waits in the outbox. */
export type Started = Queued

/**
 * Starts a scheduled message whose time has come; safe to call at any time, by several at once: only one call starts it.
 * Nobody in the audience by then: it has failed, with a code. @returns undefined when there was nothing to start
 */
export async function startMessage (services: Services, db: TenantDb, tenant: Tenant, messageId: string): Promise<Started | undefined> {
  const now = services.clock.now()
  const scheduled = await findScheduled(db, messageId)
  if (scheduled === undefined || (scheduled.sendAt ?? now) > now) return undefined
  await guardDispatch(services, tenant.id)
  const started = await db.transaction().execute(async (trx) => await startIn(services, trx, tenant, messageId, now))
  if (started !== undefined && started.queued > 0) await wakeDispatch(services, tenant.id)
  return started
}

/** As `startMessage`, in the transaction that wrote the message; call `guardDispatch` before it and `wakeDispatch` after. @throws problem('TEXT_TOO_LONG') */
export async function startIn ({ config }: Pick<Services, 'config'>, trx: TenantDb, tenant: Tenant, messageId: string, now: Date): Promise<Started | undefined> {
  const message = await takeScheduled(trx, messageId, now)
  if (message === undefined) return undefined
  const rules = await readDaytimeRules(trx, config)
  const queue = queueChosen(messageId, tenant.timeZone, await planDepartures(trx, tenant.timeZone, now, rules, message.local))
  const started = await queueRecipients(trx, tenant, message, now, queue)
  if (message.sendBefore !== null) started.queued -= await dropLate(trx, now, rules.marginMs, messageId)
  if (started.chosen === 0) await failMessage(trx, messageId, 'audience_empty')
  else if (started.queued === 0) await finishMessages(trx)
  return started
}
