// Welcomes by text whom an admin has put on record as opted in: what they get, what it costs, how to get help and how to end it.
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { queueText, type SingleText } from '../messages/queue-text.js'
import { guardDispatch } from '../messages/wake-dispatch.js'
import { findDefaultSender } from '../numbers/default-sender.js'
import { type DaytimeRules, planDeparture, readDaytimeRules } from '../quiet-hours/departures.js'
import { placeOf } from '../quiet-hours/places.js'
import { readMessagingSettings } from '../settings/messaging-settings.js'
import { signed } from '../settings/own-texts.js'
import { findPhone } from './queries.js'
import { isWelcomed, keepWelcome } from './welcome-queries.js'

/** `rules`, by which it leaves in the member's daytime: nobody has asked for it just now. */
export interface Welcome { text: string, from: string, now: Date, timeZone: string, rules: DaytimeRules }

type Queueing = Pick<Services, 'jobs' | 'config' | 'log' | 'clock'>

/**
 * Before the transaction that opts someone in; `wakeDispatch` after it. Null: nobody is welcomed, for the organization has not
 * turned it on, or has no number to text from.
 */
export async function prepareWelcome (services: Queueing, db: TenantDb, tenant: Pick<Tenant, 'id' | 'organizationName' | 'timeZone'>): Promise<Welcome | null> {
  const { welcome } = await readMessagingSettings(db)
  const sender = welcome.enabled ? await findDefaultSender(db) : undefined
  if (sender === undefined) return null
  await guardDispatch(services, tenant.id)
  return {
    text: signed(tenant.organizationName ?? '', welcome.text),
    from: sender.number,
    now: services.clock.now(),
    timeZone: tenant.timeZone,
    rules: await readDaytimeRules(db, services.config)
  }
}

export type Welcomed = SingleText['recipient'] & { memberId: string }

/** Once for each number for ever. After `lockConsent` of it, and only for someone who is opted in. */
export async function queueWelcome (trx: TenantDb, { text, from, now, timeZone, rules }: Welcome, recipient: Welcomed): Promise<void> {
  if (await isWelcomed(trx, recipient.phoneHash)) return
  const place = await placeOf(trx, recipient.memberId, timeZone) ?? { timeZone, region: null }
  const { messageId } = await queueText(trx, { kind: 'welcome', lane: 'reply', text, from, recipient, departure: planDeparture(place, now, rules) })
  await keepWelcome(trx, recipient.phoneHash, messageId)
}

/** As `queueWelcome`, for the number that the member has now. */
export async function welcomeMember (trx: TenantDb, memberId: string, welcome: Welcome): Promise<void> {
  const phone = await findPhone(trx, memberId)
  if (phone !== undefined) await queueWelcome(trx, welcome, { memberId, phoneHash: phone.phone_hash, phoneCipher: phone.phone_cipher })
}
