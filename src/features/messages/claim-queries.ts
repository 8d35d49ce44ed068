// The SQL of taking texts from the outbox: which messages have something due, and so many texts of each.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { opensAt } from './bucket-queries.js'
import { topicRefusal, topicRefusals } from '../members/topic-consent.js'
import { isOf, type Traffic } from './traffic.js'

export interface ClaimedText {
  messageId: string
  phoneHash: Buffer
  phoneCipher: Buffer
  from: string
  text: string
  mediaUrls: string[]
  /** Files of ours, shown after those. */
  mediaIds: string[]
  /** Earlier tries that certainly did not leave. */
  attempts: number
  /** As its limits count it: a picture message is one. */
  parts: number
}

/** One unfinished message with something in the outbox. */
export interface DueMessage {
  messageId: string
  /** Due texts, counted up to the limit. */
  due: number
  from: string
  /** Of one of them: the others' are much alike. */
  parts: number
}

const countedParts = (message: RawBuilder<unknown>, parts: RawBuilder<unknown>) => sql`CASE WHEN cardinality(${message}.media_urls) + cardinality(${message}.media_ids) > 0 THEN 1 ELSE ${parts} END`

/**
 * Unfinished messages with something due, in the order in which they are served: the lower lane first, then the older. Paused and
 * cancelled ones are not looked into, so it makes no difference how much of them waits. All of a message is in one lane.
 * What is closed for a while, such as a number that the carrier has slowed down, is passed over.
 */
export async function readDue (db: TenantDb, { traffic, limit, now }: { traffic: Traffic, limit: number, now: RawBuilder<Date> }): Promise<DueMessage[]> {
  const { rows } = await sql<DueMessage>`
    SELECT m.id AS "messageId", waiting.due, m.from_number AS "from", ${countedParts(sql`m`, sql`(SELECT r.parts FROM message_recipients r WHERE r.message_id = m.id AND r.phone_hash = waiting.one)`)} AS parts FROM messages m, LATERAL (
      SELECT count(*)::int AS due, min(first.lane) AS lane, (array_agg(first.phone_hash))[1] AS one FROM (
        SELECT q.lane, q.phone_hash FROM message_queue q WHERE q.message_id = m.id AND q.claim_token IS NULL AND q.not_before <= now() LIMIT ${limit}
      ) AS first
    ) AS waiting
    WHERE m.status = 'sending' AND waiting.due > 0 AND ${isOf(traffic, sql`waiting.lane`)} AND coalesce(${opensAt(traffic)} <= ${now}, true)
    ORDER BY waiting.lane, m.id LIMIT ${limit}`.execute(db)
  return rows
}

const suppressing = ['opted_out', ...topicRefusals]

/** So many texts of a message. */
export interface Portion { messageId: string, texts: number }

/**
 * Takes what is due of these messages and commits it as `sending` under `token`. Rows that another run holds are passed over.
 * The messages are locked against a pause until then: after it nothing more is taken. Consent is looked up again in the same
 * snapshot: whoever has opted out since, of all or of the topic, is suppressed, unless it is the confirmation (lane 0) of just that.
 */
export async function takeTexts (db: TenantDb, token: string, portions: readonly Portion[]): Promise<ClaimedText[]> {
  const { rows } = await sql<ClaimedText>`
    WITH live AS MATERIALIZED (
      SELECT m.id, m.kind, m.topic, m.from_number, m.text, m.media_urls, m.media_ids, wanted.texts
      FROM unnest(${portions.map(({ messageId }) => messageId)}::uuid[], ${portions.map(({ texts }) => texts)}::int[]) AS wanted (id, texts)
      JOIN messages m ON m.id = wanted.id WHERE m.status = 'sending'
      ORDER BY m.id FOR SHARE OF m
    ), due AS MATERIALIZED (
      SELECT live.id AS message_id, live.kind, live.topic, live.from_number, live.text, live.media_urls, live.media_ids, q.phone_hash, q.lane, q.attempts
      FROM live, LATERAL (
        SELECT phone_hash, lane, attempts FROM message_queue
        WHERE message_id = live.id AND claim_token IS NULL AND not_before <= now()
        ORDER BY not_before LIMIT live.texts FOR UPDATE SKIP LOCKED
      ) AS q
    ), judged AS MATERIALIZED (
      SELECT due.message_id, due.phone_hash, due.attempts, due.lane, due.from_number, coalesce(r.rendered_text, due.text) AS text, due.media_urls, due.media_ids, r.phone_cipher, ${countedParts(sql`due`, sql`r.parts`)} AS parts,
        CASE
          WHEN r.status <> 'queued' THEN 'settled'
          WHEN due.lane = 0 THEN NULL
          WHEN coalesce(p.opt_in_state = 'opted_out', (
            SELECT c.action <> 'granted' FROM consent_logs c WHERE c.phone_hash = due.phone_hash AND c.topic = 'messages' ORDER BY c.id DESC LIMIT 1
          ), false) THEN 'opted_out'
          WHEN due.kind = 'broadcast' AND p.id IS NULL THEN 'member_deleted'
          ELSE ${topicRefusal({ memberId: sql`p.id`, phoneHash: sql`due.phone_hash`, topic: sql`due.topic` })}
        END AS withheld
      FROM due
      JOIN message_recipients r ON r.message_id = due.message_id AND r.phone_hash = due.phone_hash
      LEFT JOIN members p ON p.phone_hash = due.phone_hash AND p.deleted_at IS NULL
    ), taken AS (
      UPDATE message_queue q SET claim_token = ${token}, claimed_at = now()
      FROM judged j WHERE q.message_id = j.message_id AND q.phone_hash = j.phone_hash AND j.withheld IS NULL
    ), dropped AS (
      DELETE FROM message_queue q USING judged j WHERE q.message_id = j.message_id AND q.phone_hash = j.phone_hash AND j.withheld IS NOT NULL
    ), moved AS (
      UPDATE message_recipients r SET
        status = CASE WHEN j.withheld IS NULL THEN 'sending' WHEN j.withheld = ANY (${suppressing}::text[]) THEN 'suppressed' ELSE 'cancelled' END,
        error_code = j.withheld, error_detail = NULL, updated_at = now()
      FROM judged j WHERE r.message_id = j.message_id AND r.phone_hash = j.phone_hash AND r.status = 'queued'
      -- What the caller needs comes from here, not from a join of two CTEs: that is a nested loop, which no index helps.
      RETURNING r.message_id, r.phone_hash, r.status, j.phone_cipher, j.from_number, j.text, j.media_urls, j.media_ids, j.attempts, j.parts, j.lane
    )
    SELECT message_id AS "messageId", phone_hash AS "phoneHash", phone_cipher AS "phoneCipher", from_number AS "from", text, media_urls AS "mediaUrls", media_ids AS "mediaIds", attempts, parts
    FROM moved WHERE status = 'sending' ORDER BY lane, message_id`.execute(db)
  return rows
}
