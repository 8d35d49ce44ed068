// Sends one text of unknown fate once more, because a person decided so: as a message of its own, linked to the dead letter.
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { holdForMessage } from '../media/hold-for-message.js'
import { isWithdrawn, lockConsent } from '../members/consent.js'
import { findMemberByPhone } from '../members/find-member.js'
import { refusesTopic } from '../members/topic-consent.js'
import { senderFor } from '../numbers/default-sender.js'
import { planDeparture, readDaytimeRules } from '../quiet-hours/departures.js'
import { placeOf } from '../quiet-hours/places.js'
import { findUnknown, insertResent } from './steer-queries.js'

export interface Resend { messageId: string, phoneHash: Buffer, deadLetterId: string, adminId: string }

/** Nobody on the other side waits for these: they leave in the person's daytime. Everything else answers a text. */
const unasked: ReadonlySet<string> = new Set(['broadcast', 'welcome'])

/**
 * By quiet hours, unless it answers somebody. `timeZone`: the organization's. Call `guardDispatch` before the transaction and `wakeDispatch` after its commit.
 * @returns the new message's id; undefined when the text is not unknown any more
 * @throws problem('MEMBER_OPTED_OUT'), 'NO_SENDING_NUMBER', 'MEDIA_NOT_FOUND' when a file of it has been deleted
 */
export async function resendText ({ config, clock }: Pick<Services, 'config' | 'clock'>, trx: TenantDb, timeZone: string, { messageId, phoneHash, deadLetterId, adminId }: Resend): Promise<string | undefined> {
  await lockConsent(trx, phoneHash)
  const first = await findUnknown(trx, messageId, phoneHash)
  if (first === undefined) return undefined
  const member = await findMemberByPhone(trx, phoneHash)
  if (member?.optInState === 'opted_out' || await isWithdrawn(trx, phoneHash)) throw problem('MEMBER_OPTED_OUT')
  if (await refusesTopic(trx, phoneHash, first.topic)) {
    throw problem('MEMBER_OPTED_OUT', { detail: `This person gets no texts of the topic ${first.topic}: they have not consented to it, or have withdrawn that. Put their consent on record first: POST /api/members/:id/consent.` })
  }
  await holdForMessage(trx, first.media_ids, first.media_urls)
  const { number: from } = await senderFor(trx, first.from_number)
  const home = { timeZone, region: null }
  const place = unasked.has(first.kind) ? member === undefined ? home : await placeOf(trx, member.id, timeZone) ?? home : undefined
  const departure = place && planDeparture(place, clock.now(), await readDaytimeRules(trx, config))
  return await insertResent(trx, { ...first, from_number: from }, { phoneHash, deadLetterId, adminId, departure })
}
