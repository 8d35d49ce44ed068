// Writes what the carrier reports of texts, many at a time: forward only, whatever the order, and as often as it likes.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { settleTexts } from '../dead-letters/watch-unknown.js'
import { recordingProgress } from '../events/record-event.js'
import { finishMessages } from './finish-messages.js'
import { type DeliveryEvent, forwardStates, mergeEvents, recipientKey, type RecipientNews } from './states.js'

/**
 * One statement for all of them, one more for those a person would have had to decide, and one when some changed nothing. Doing it
 * again changes nothing.
 * @returns for each event, in order, whether there is such a recipient
 */
export async function recordDeliveryEvents (db: TenantDb, events: readonly DeliveryEvent[]): Promise<boolean[]> {
  if (events.length === 0) return []
  const news = mergeEvents(events)
  const { known, unsettled } = await db.transaction().execute(async (trx) => {
    await lookUpByKey(trx)
    const { changed, unsettled, unknown } = await writeNews(trx, news)
    if (unknown.length > 0) await settleTexts(trx, unknown.flatMap((place) => news[place - 1] ?? []))
    // Commonly all of them: then there is nothing to ask.
    return { unsettled, known: changed === news.length ? undefined : new Set((await findRecipients(trx, news)).map(recipientKey)) }
  })
  // News of a text that was still in the outbox: its worker died before it could record.
  if (unsettled) await finishMessages(db)
  return events.map((event) => known === undefined || known.has(recipientKey(event)))
}

/**
 * For the rest of the transaction each recipient is looked up by itself, in the order in which they are given, which is that of the keys:
 * the recorder of sends locks them so, too. And the work does not grow with the table, which the planner would rather read as a whole.
 */
async function lookUpByKey (trx: TenantDb): Promise<void> {
  await sql`SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true)`.execute(trx)
}

interface Written {
  /** How many recipients. */
  changed: number
  /** Whether any was in the outbox. */
  unsettled: boolean
  /** Which were unknown: their places among the news, from 1. */
  unknown: number[]
}

async function writeNews (trx: TenantDb, news: readonly RecipientNews[]): Promise<Written> {
  const column = <Value>(pick: (one: RecipientNews) => Value): Value[] => news.map(pick)
  const becomes = sql`CASE WHEN n.rank > array_position(${forwardStates}::text[], r.status) THEN n.status ELSE r.status END`
  const firstFailure = sql`n.failed_at < coalesce(r.failed_at, 'infinity')`
  const { rows: [written] } = await sql<Written>`
    WITH written AS (
      UPDATE message_recipients r SET
        status = ${becomes},
        provider_message_id = coalesce(r.provider_message_id, n.provider_message_id),
        sent_at = least(r.sent_at, n.sent_at), failed_at = least(r.failed_at, n.failed_at), delivered_at = least(r.delivered_at, n.delivered_at),
        error_code = CASE WHEN ${becomes} <> 'failed' THEN NULL WHEN ${firstFailure} THEN n.error_code ELSE r.error_code END,
        error_detail = CASE WHEN ${becomes} <> 'failed' THEN NULL WHEN ${firstFailure} THEN n.error_detail ELSE r.error_detail END,
        price_cents = coalesce(r.price_cents, n.price_cents),
        updated_at = now()
      FROM unnest(
        ${column((one) => one.messageId)}::uuid[], ${column((one) => one.phoneHash)}::bytea[], ${column((one) => one.status)}::text[],
        ${column((one) => forwardStates.indexOf(one.status) + 1)}::int[], ${column((one) => one.providerMessageId)}::text[],
        ${column((one) => one.sentAt)}::timestamptz[], ${column((one) => one.failedAt)}::timestamptz[], ${column((one) => one.deliveredAt)}::timestamptz[],
        ${column((one) => one.errorCode)}::text[], ${column((one) => one.errorDetail)}::text[], ${column((one) => one.priceCents)}::numeric[]
      ) WITH ORDINALITY AS n (message_id, phone_hash, status, rank, provider_message_id, sent_at, failed_at, delivered_at, error_code, error_detail, price_cents, place)
      WHERE r.message_id = n.message_id AND r.phone_hash = n.phone_hash AND r.status = ANY (${forwardStates}::text[])
        AND (n.rank > array_position(${forwardStates}::text[], r.status) OR n.sent_at < r.sent_at OR n.failed_at < r.failed_at OR n.delivered_at < r.delivered_at
          OR (r.sent_at IS NULL AND n.sent_at IS NOT NULL) OR (r.failed_at IS NULL AND n.failed_at IS NOT NULL) OR (r.delivered_at IS NULL AND n.delivered_at IS NOT NULL))
      RETURNING r.message_id, r.phone_hash, old.status AS was, new.status, n.place
    ), told AS (
      ${recordingProgress(sql`(SELECT message_id, status FROM written WHERE status <> was)`)}
    ), settled AS (
      DELETE FROM message_queue q USING written w WHERE q.message_id = w.message_id AND q.phone_hash = w.phone_hash AND w.was IN ('queued', 'sending')
    )
    SELECT count(*)::int AS changed, coalesce(bool_or(was IN ('queued', 'sending')), false) AS unsettled,
      coalesce(jsonb_agg(place) FILTER (WHERE was = 'unknown'), '[]') AS unknown
    FROM written`.execute(trx)
  if (written === undefined) throw new Error('A statement of one row returned none.')
  return written
}

interface Key { messageId: string, phoneHash: Buffer }

async function findRecipients (trx: TenantDb, wanted: readonly RecipientNews[]): Promise<Key[]> {
  const { rows } = await sql<Key>`
    SELECT message_id AS "messageId", phone_hash AS "phoneHash"
    FROM unnest(${wanted.map(({ messageId }) => messageId)}::uuid[], ${wanted.map(({ phoneHash }) => phoneHash)}::bytea[]) AS w (message_id, phone_hash)
    JOIN message_recipients USING (message_id, phone_hash)`.execute(trx)
  return rows
}
