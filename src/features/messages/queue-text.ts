// Queues one text to one person: the way of every reply, confirmation and automatic answer.
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Departure } from '../quiet-hours/departures.js'
import { requireSendable } from './count-parts.js'

/** The lower goes first. Only a confirmation passes the opt-out that it confirms. */
export const lanes = { confirmation: 0, reply: 1, broadcast: 2 } as const
export type Lane = keyof typeof lanes

export interface SingleText {
  kind: 'reply' | 'welcome' | 'auto_reply' | 'confirmation'
  lane: Lane
  text: string
  mediaUrls?: readonly string[]
  /** Files of ours, held by `holdForMessage` in the same transaction. */
  mediaIds?: readonly string[]
  /** E.164, an active number of the organization. */
  from: string
  recipient: { memberId: string | null, phoneHash: Buffer, phoneCipher: Buffer }
  /** The admin who wrote it. */
  createdBy?: string | null
  /** For what is no answer: when it may leave. Without it, at once and at any hour. */
  departure?: Departure
}

/**
 * Call `guardDispatch` before the transaction and `wakeDispatch` after its commit.
 * @throws problem('TEXT_TOO_LONG')
 */
export async function queueText (trx: TenantDb, { kind, lane, text, mediaUrls = [], mediaIds = [], from, recipient, createdBy, departure }: SingleText): Promise<{ messageId: string }> {
  const { parts, encoding } = requireSendable(text, [...mediaUrls, ...mediaIds])
  const { id } = await trx.insertInto('messages')
    .values({ kind, text, media_urls: [...mediaUrls], media_ids: [...mediaIds], from_number: from, created_by: createdBy ?? null })
    .returning('id').executeTakeFirstOrThrow()
  const key = { message_id: id, phone_hash: recipient.phoneHash }
  await trx.insertInto('message_recipients')
    .values({ ...key, member_id: recipient.memberId, phone_cipher: recipient.phoneCipher, parts, encoding }).execute()
  await trx.insertInto('message_queue').values({ ...key, lane: lanes[lane], ...timesOf(departure) }).execute()
  return { messageId: id }
}

/** Columns of the outbox; none of them without a departure: at once and at any hour. */
export function timesOf (departure: Departure | undefined) {
  if (departure === undefined) return {}
  const { notBefore, timeZone, region, quietFrom, deferred } = departure
  return { ...(notBefore === null ? {} : { not_before: notBefore }), time_zone: timeZone, region, quiet_from: quietFrom, deferred }
}
