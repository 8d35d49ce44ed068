// The SQL of pausing, resuming, cancelling and trying again.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Departure } from '../quiet-hours/departures.js'
import { refusalOf } from './audience.js'
import { type Queueing } from './audience-queries.js'
import { lanes, timesOf } from './queue-text.js'
import { type MessageState } from './states.js'

/** `locked` until the transaction ends: no worker takes anything of it meanwhile. */
export async function findToSteer (db: TenantDb, id: string, locked: boolean) {
  return await db.selectFrom('messages').select(['id', 'kind', 'status', 'paused_from', 'send_at', 'text', 'media_urls', 'media_ids', 'from_number', 'topic'])
    .where('id', '=', id).$if(locked, (query) => query.forUpdate()).executeTakeFirst()
}

/** `pausedFrom`: where a paused message will go on; null for every other status. */
export async function setMessageStatus (trx: TenantDb, id: string, status: MessageState, pausedFrom: 'scheduled' | 'sending' | null): Promise<void> {
  await trx.updateTable('messages').set({ status, paused_from: pausedFrom, updated_at: sql`now()` }).where('id', '=', id).execute()
}

/** Cancels what no worker has taken; the message must be locked. Recipients first, in key order, as everybody locks them. @returns how many */
export async function cancelWaiting (trx: TenantDb, messageId: string): Promise<number> {
  const { rows } = await sql`
    WITH waiting AS (
      SELECT r.phone_hash FROM message_recipients r WHERE r.message_id = ${messageId} AND r.status = 'queued' ORDER BY r.phone_hash FOR UPDATE
    ), gone AS (
      DELETE FROM message_queue q USING waiting w WHERE q.message_id = ${messageId} AND q.phone_hash = w.phone_hash AND q.claim_token IS NULL
      RETURNING q.phone_hash
    )
    UPDATE message_recipients r SET status = 'cancelled', error_code = 'message_cancelled', updated_at = now()
    FROM gone WHERE r.message_id = ${messageId} AND r.phone_hash = gone.phone_hash
    RETURNING 1`.execute(trx)
  return rows.length
}

export interface RetryRow { retryOf: string, text: string, mediaUrls: readonly string[], mediaIds: readonly string[], from: string, topic: string, createdBy: string }

export async function insertRetry (trx: TenantDb, { retryOf, text, mediaUrls, mediaIds, from, topic, createdBy }: RetryRow): Promise<string> {
  const { id } = await trx.insertInto('messages')
    .values({ kind: 'broadcast', text, media_urls: [...mediaUrls], media_ids: [...mediaIds], from_number: from, topic, retry_of: retryOf, created_by: createdBy })
    .returning('id').executeTakeFirstOrThrow()
  return id
}

/**
 * Makes recipients of `retry` out of those of `messageId` that failed, have not been tried again, and are members who are opted
 * in now, to its topic too; with `codes`, only those that failed by one of them. @returns how many
 */
export async function insertFailedAgain (trx: TenantDb, messageId: string, { id, topic, queue }: Queueing, codes: readonly string[] | null): Promise<number> {
  const wanted: RawBuilder<unknown> = codes === null ? sql`true` : sql`r.error_code = ANY (${codes}::text[])`
  const { rows } = await sql`
    WITH failed AS (
      SELECT r.phone_hash, m.id AS member_id FROM message_recipients r
      JOIN members m ON m.phone_hash = r.phone_hash AND m.deleted_at IS NULL AND m.opt_in_state = 'opted_in' AND ${refusalOf(topic)} IS NULL
      WHERE r.message_id = ${messageId} AND r.status = 'failed' AND r.retried_in IS NULL AND ${wanted}
      ORDER BY r.phone_hash FOR UPDATE OF r
    ), marked AS (
      UPDATE message_recipients r SET retried_in = ${id} FROM failed f WHERE r.message_id = ${messageId} AND r.phone_hash = f.phone_hash
      RETURNING r.phone_hash, f.member_id, r.phone_cipher, r.rendered_text, r.parts, r.encoding
    ), chosen AS (
      INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, rendered_text, parts, encoding)
      SELECT ${id}, phone_hash, member_id, phone_cipher, rendered_text, parts, encoding FROM marked RETURNING phone_hash, member_id, status
    ) ${queue}`.execute(trx)
  return rows.length
}

/** The text and its message, locked, as long as nobody knows what became of it and it was not sent again. */
export async function findUnknown (trx: TenantDb, messageId: string, phoneHash: Buffer) {
  return await trx.selectFrom('message_recipients as r').innerJoin('messages as m', 'm.id', 'r.message_id')
    .select(['m.kind', 'm.topic', 'm.text', 'm.media_urls', 'm.media_ids', 'm.from_number', 'r.message_id', 'r.member_id', 'r.phone_cipher', 'r.rendered_text', 'r.parts', 'r.encoding'])
    .where('r.message_id', '=', messageId).where('r.phone_hash', '=', phoneHash).where('r.status', '=', 'unknown').where('r.retried_in', 'is', null)
    .forUpdate('r').executeTakeFirst()
}

type Unknown = NonNullable<Awaited<ReturnType<typeof findUnknown>>>

export interface ResentRow { phoneHash: Buffer, deadLetterId: string, adminId: string, departure: Departure | undefined }

/** In the lane of a reply, whatever it was: a person waits for it, and only what answers STOP passes an opt-out. */
export async function insertResent (trx: TenantDb, first: Unknown, { phoneHash, deadLetterId, adminId, departure }: ResentRow): Promise<string> {
  const { id } = await trx.insertInto('messages').values({
    kind: first.kind, topic: first.topic, text: first.text, media_urls: first.media_urls, media_ids: first.media_ids, from_number: first.from_number, resends: deadLetterId, created_by: adminId
  }).returning('id').executeTakeFirstOrThrow()
  const { member_id: memberId, phone_cipher: cipher, rendered_text: rendered, parts, encoding } = first
  const key = { message_id: id, phone_hash: phoneHash }
  await trx.insertInto('message_recipients').values({ ...key, member_id: memberId, phone_cipher: cipher, rendered_text: rendered, parts, encoding }).execute()
  await trx.insertInto('message_queue').values({ ...key, lane: lanes.reply, ...timesOf(departure) }).execute()
  await trx.updateTable('message_recipients').set({ retried_in: id }).where('message_id', '=', first.message_id).where('phone_hash', '=', phoneHash).execute()
  return id
}
