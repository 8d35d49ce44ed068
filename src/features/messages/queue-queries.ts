// The SQL of the outbox: what is due, taking it, and writing down what became of it. Each is one statement for many texts.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type RecipientState, transitions } from './states.js'

export interface ClaimedText {
  messageId: string
  phoneHash: Buffer
  phoneCipher: Buffer
  from: string
  text: string
  mediaUrls: string[]
  /** Earlier tries that certainly did not leave. */
  attempts: number
}

/**
 * Takes what is due, the lower lane first, at most `limit` texts, and commits them as `sending` under `token`. Rows that another run
 * holds are passed over. Consent is looked up again in the same snapshot: whoever has opted out since is suppressed, unless
 * it is the confirmation (lane 0) of just that.
 */
export async function claimTexts (db: TenantDb, token: string, limit: number): Promise<ClaimedText[]> {
  const { rows } = await sql<ClaimedText>`
    WITH due AS MATERIALIZED (
      SELECT message_id, phone_hash, lane, attempts FROM message_queue
      WHERE claim_token IS NULL AND not_before <= now()
      ORDER BY lane, not_before, message_id LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ), judged AS MATERIALIZED (
      SELECT due.message_id, due.phone_hash, due.attempts, m.from_number, coalesce(r.rendered_text, m.text) AS text, m.media_urls, r.phone_cipher, m.status AS message_status,
        CASE
          WHEN r.status <> 'queued' THEN 'settled'
          WHEN m.status = 'cancelled' THEN 'message_cancelled'
          WHEN due.lane = 0 THEN NULL
          WHEN coalesce(p.opt_in_state = 'opted_out', (
            SELECT c.action <> 'granted' FROM consent_logs c WHERE c.phone_hash = due.phone_hash AND c.topic = 'messages' ORDER BY c.id DESC LIMIT 1
          ), false) THEN 'opted_out'
          WHEN m.kind = 'broadcast' AND p.id IS NULL THEN 'member_deleted'
        END AS withheld
      FROM due
      JOIN messages m ON m.id = due.message_id
      JOIN message_recipients r ON r.message_id = due.message_id AND r.phone_hash = due.phone_hash
      LEFT JOIN members p ON p.phone_hash = due.phone_hash AND p.deleted_at IS NULL
    ), taken AS (
      UPDATE message_queue q SET claim_token = ${token}, claimed_at = now()
      FROM judged j WHERE q.message_id = j.message_id AND q.phone_hash = j.phone_hash AND j.withheld IS NULL
    ), dropped AS (
      DELETE FROM message_queue q USING judged j WHERE q.message_id = j.message_id AND q.phone_hash = j.phone_hash AND j.withheld IS NOT NULL
    ), started AS (
      UPDATE messages SET status = 'sending', updated_at = now()
      WHERE status = 'scheduled' AND id IN (SELECT message_id FROM judged WHERE message_status = 'scheduled')
    ), moved AS (
      UPDATE message_recipients r SET
        status = CASE WHEN j.withheld IS NULL THEN 'sending' WHEN j.withheld = 'opted_out' THEN 'suppressed' ELSE 'cancelled' END,
        error_code = j.withheld, error_detail = NULL, updated_at = now()
      FROM judged j WHERE r.message_id = j.message_id AND r.phone_hash = j.phone_hash AND r.status = 'queued'
      RETURNING r.message_id, r.phone_hash, r.status
    )
    SELECT message_id AS "messageId", phone_hash AS "phoneHash", phone_cipher AS "phoneCipher", from_number AS "from", text, media_urls AS "mediaUrls", attempts
    FROM judged JOIN moved USING (message_id, phone_hash) WHERE moved.status = 'sending'`.execute(db)
  return rows
}

/** What became of one claimed text. `queued`: it certainly did not leave and waits again. */
export interface TextResult {
  messageId: string
  phoneHash: Buffer
  state: 'queued' | 'unknown' | 'sent' | 'failed'
  providerMessageId: string | null
  errorCode: string | null
  errorDetail: string | null
  /** Milliseconds until the next try after one that did not leave; null when there was no try. */
  retryInMs: number | null
}

const allowedMoves = Object.entries(transitions).flatMap(([from, next]: [string, readonly RecipientState[]]) => next.map((to) => `${from}>${to}`))

/** Writes results of texts claimed under `token`, sorted by key; what the carrier has reported meanwhile stands. */
export async function writeResults (db: TenantDb, token: string, results: readonly TextResult[]): Promise<void> {
  const column = <Value>(pick: (one: TextResult) => Value): Value[] => results.map(pick)
  await sql`
    WITH done AS (
      SELECT * FROM unnest(
        ${column((one) => one.messageId)}::uuid[], ${column((one) => one.phoneHash)}::bytea[], ${column((one) => one.state)}::text[],
        ${column((one) => one.providerMessageId)}::text[], ${column((one) => one.errorCode)}::text[], ${column((one) => one.errorDetail)}::text[], ${column((one) => one.retryInMs)}::int[]
      ) AS d (message_id, phone_hash, state, provider_message_id, error_code, error_detail, retry_in_ms)
    ), old AS (
      SELECT r.message_id, r.phone_hash, r.status FROM message_recipients r JOIN done USING (message_id, phone_hash)
      -- In key order, as news from the carrier locks them too.
      ORDER BY r.message_id, r.phone_hash FOR UPDATE OF r
    ), judged AS (
      SELECT done.*, old.status || '>' || done.state = ANY (${allowedMoves}::text[]) AS moves FROM done JOIN old USING (message_id, phone_hash)
    ), written AS (
      UPDATE message_recipients r SET
        provider_message_id = coalesce(r.provider_message_id, j.provider_message_id),
        status = CASE WHEN j.moves THEN j.state ELSE r.status END,
        error_code = CASE WHEN j.moves THEN j.error_code ELSE r.error_code END,
        error_detail = CASE WHEN j.moves THEN j.error_detail ELSE r.error_detail END,
        sent_at = CASE WHEN j.state = 'sent' THEN least(r.sent_at, now()) ELSE r.sent_at END,
        failed_at = CASE WHEN j.state = 'failed' THEN least(r.failed_at, now()) ELSE r.failed_at END,
        updated_at = now()
      FROM judged j WHERE r.message_id = j.message_id AND r.phone_hash = j.phone_hash
    ), gone AS (
      DELETE FROM message_queue q USING done d
      WHERE q.message_id = d.message_id AND q.phone_hash = d.phone_hash AND q.claim_token = ${token} AND d.state <> 'queued'
    )
    UPDATE message_queue q SET claim_token = NULL, claimed_at = NULL,
      attempts = q.attempts + (d.retry_in_ms IS NOT NULL)::int,
      not_before = coalesce(now() + make_interval(secs => d.retry_in_ms / 1000.0), q.not_before)
    FROM done d WHERE q.message_id = d.message_id AND q.phone_hash = d.phone_hash AND q.claim_token = ${token} AND d.state = 'queued'`.execute(db)
}

/**
 * What a run claimed more than `afterMs` ago and never recorded: the run is dead, and nobody knows what left.
 * Those become `unknown` and are never sent again by themselves. @returns how many
 */
export async function recoverClaims (db: TenantDb, afterMs: number): Promise<number> {
  const dead = sql`claim_token IS NOT NULL AND claimed_at < now() - make_interval(secs => ${afterMs}::float8 / 1000)`
  const { rows } = await sql`
    WITH lost AS (
      SELECT r.message_id, r.phone_hash FROM message_recipients r
      WHERE (r.message_id, r.phone_hash) IN (SELECT message_id, phone_hash FROM message_queue WHERE ${dead})
      ORDER BY r.message_id, r.phone_hash FOR UPDATE
    ), gone AS (
      DELETE FROM message_queue q USING lost WHERE q.message_id = lost.message_id AND q.phone_hash = lost.phone_hash AND ${dead}
      RETURNING q.message_id, q.phone_hash
    )
    UPDATE message_recipients r SET status = 'unknown', error_code = 'worker_lost', updated_at = now(),
      error_detail = 'The worker stopped before it could record the carrier''s answer.'
    FROM gone WHERE r.message_id = gone.message_id AND r.phone_hash = gone.phone_hash AND r.status = 'sending'
    RETURNING r.message_id`.execute(db)
  return rows.length
}

export interface Outlook {
  /** Milliseconds until the next text is due, 0 or less when one is; null when none waits. */
  dueInMs: number | null
  /** Milliseconds since the oldest text in a worker's hands was claimed; null when none is. */
  claimedForMs: number | null
}

/** What the outbox holds, by index alone however full it is. Times by the database's clock, which all processes share. */
export async function readOutlook (db: TenantDb): Promise<Outlook> {
  const { rows: [row] } = await sql<Outlook>`
    SELECT
      (SELECT extract(epoch FROM min(first.not_before) - now())::float8 * 1000 FROM (VALUES (0), (1), (2)) AS lanes (lane), LATERAL (
        SELECT not_before FROM message_queue q WHERE q.lane = lanes.lane AND claim_token IS NULL ORDER BY not_before LIMIT 1
      ) AS first) AS "dueInMs",
      (SELECT extract(epoch FROM now() - min(claimed_at))::float8 * 1000 FROM message_queue WHERE claim_token IS NOT NULL) AS "claimedForMs"`.execute(db)
  return row ?? { dueInMs: null, claimedForMs: null }
}
