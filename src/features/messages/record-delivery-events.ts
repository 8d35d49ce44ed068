// Writes what the carrier reports of texts, many at a time: forward only, whatever the order, and as often as it likes.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { settleTexts } from '../dead-letters/watch-unknown.js'
import { recordingProgress } from '../events/record-event.js'
import { finishMessages } from './finish-messages.js'
import { type DeliveryEvent, forwardStates, mergeEvents, recipientKey, type RecipientNews } from './states.js'

/**
 * One statement for all of them, and one more for those a person would have had to decide. Doing it again changes nothing.
 * @returns for each event, in order, whether there is such a recipient
 */
export async function recordDeliveryEvents (db: TenantDb, events: readonly DeliveryEvent[]): Promise<boolean[]> {
  if (events.length === 0) return []
  const known = await db.transaction().execute(async (trx) => {
    const known = await writeNews(trx, mergeEvents(events))
    const settled = known.filter(({ wasUnknown }) => wasUnknown)
    if (settled.length > 0) await settleTexts(trx, settled)
    return known
  })
  const keys = new Set(known.map(recipientKey))
  // News of a text that was still in the outbox: its worker died before it could record.
  if (known.some(({ unsettled }) => unsettled)) await finishMessages(db)
  return events.map((event) => keys.has(recipientKey(event)))
}

interface KnownRecipient { messageId: string, phoneHash: Buffer, unsettled: boolean, wasUnknown: boolean }

async function writeNews (db: TenantDb, news: readonly RecipientNews[]): Promise<KnownRecipient[]> {
  const column = <Value>(pick: (one: RecipientNews) => Value): Value[] => news.map(pick)
  const { rows } = await sql<KnownRecipient>`
    WITH news AS (
      SELECT * FROM unnest(
        ${column((one) => one.messageId)}::uuid[], ${column((one) => one.phoneHash)}::bytea[], ${column((one) => one.status)}::text[],
        ${column((one) => one.providerMessageId)}::text[], ${column((one) => one.sentAt)}::timestamptz[], ${column((one) => one.failedAt)}::timestamptz[],
        ${column((one) => one.deliveredAt)}::timestamptz[], ${column((one) => one.errorCode)}::text[], ${column((one) => one.errorDetail)}::text[],
        ${column((one) => one.priceCents)}::numeric[]
      ) AS n (message_id, phone_hash, status, provider_message_id, sent_at, failed_at, delivered_at, error_code, error_detail, price_cents)
    ), old AS (
      SELECT r.message_id, r.phone_hash, r.status, r.failed_at
      FROM message_recipients r JOIN news USING (message_id, phone_hash)
      -- In key order, as the recorder of sends locks them too.
      ORDER BY r.message_id, r.phone_hash FOR UPDATE OF r
    ), moved AS (
      SELECT old.message_id, old.phone_hash, old.status AS was, n.sent_at, n.failed_at, n.delivered_at, n.provider_message_id, n.price_cents,
        CASE WHEN array_position(${forwardStates}::text[], n.status) > array_position(${forwardStates}::text[], old.status) THEN n.status ELSE old.status END AS status,
        n.failed_at < coalesce(old.failed_at, 'infinity') AS first_failure, n.error_code, n.error_detail
      FROM old JOIN news n USING (message_id, phone_hash)
      WHERE old.status = ANY (${forwardStates}::text[])
    ), written AS (
      UPDATE message_recipients r SET
        status = m.status,
        provider_message_id = coalesce(r.provider_message_id, m.provider_message_id),
        sent_at = least(r.sent_at, m.sent_at), failed_at = least(r.failed_at, m.failed_at), delivered_at = least(r.delivered_at, m.delivered_at),
        error_code = CASE WHEN m.status <> 'failed' THEN NULL WHEN m.first_failure THEN m.error_code ELSE r.error_code END,
        error_detail = CASE WHEN m.status <> 'failed' THEN NULL WHEN m.first_failure THEN m.error_detail ELSE r.error_detail END,
        price_cents = coalesce(r.price_cents, m.price_cents),
        updated_at = now()
      FROM moved m WHERE r.message_id = m.message_id AND r.phone_hash = m.phone_hash
        AND (r.status <> m.status OR least(r.sent_at, m.sent_at) IS DISTINCT FROM r.sent_at OR least(r.failed_at, m.failed_at) IS DISTINCT FROM r.failed_at
          OR least(r.delivered_at, m.delivered_at) IS DISTINCT FROM r.delivered_at)
      RETURNING r.message_id, r.status, m.was
    ), told AS (
      ${recordingProgress(sql`(SELECT message_id, status FROM written WHERE status <> was)`)}
    ), settled AS (
      DELETE FROM message_queue q USING old WHERE q.message_id = old.message_id AND q.phone_hash = old.phone_hash AND old.status IN ('queued', 'sending')
    )
    SELECT message_id AS "messageId", phone_hash AS "phoneHash", status IN ('queued', 'sending') AS unsettled, status = 'unknown' AS "wasUnknown" FROM old`.execute(db)
  return rows
}
