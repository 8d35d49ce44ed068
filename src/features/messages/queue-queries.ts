// The SQL of the outbox once texts are taken from it: writing down what became of them, and what is left. Each is one statement for many texts.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { recordingProgress } from '../events/record-event.js'
import { opensAt } from './bucket-queries.js'
import { type RecipientState, transitions } from './states.js'
import { isOf, type Traffic } from './traffic.js'

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

/**
 * Writes results of texts claimed under `token`, sorted by key; what the carrier has reported meanwhile stands. What did not leave
 * of a message that was cancelled meanwhile is cancelled; the message is locked, so that the cancelling sees it or is seen.
 */
export async function writeResults (db: TenantDb, token: string, results: readonly TextResult[]): Promise<void> {
  const column = <Value>(pick: (one: TextResult) => Value): Value[] => results.map(pick)
  await sql`
    WITH given AS (
      SELECT * FROM unnest(
        ${column((one) => one.messageId)}::uuid[], ${column((one) => one.phoneHash)}::bytea[], ${column((one) => one.state)}::text[],
        ${column((one) => one.providerMessageId)}::text[], ${column((one) => one.errorCode)}::text[], ${column((one) => one.errorDetail)}::text[], ${column((one) => one.retryInMs)}::int[]
      ) AS d (message_id, phone_hash, state, provider_message_id, error_code, error_detail, retry_in_ms)
    ), returning_to AS MATERIALIZED (
      SELECT m.id, m.status FROM messages m WHERE m.id IN (SELECT message_id FROM given WHERE state = 'queued') ORDER BY m.id FOR SHARE
    ), done AS (
      SELECT g.message_id, g.phone_hash, g.provider_message_id, g.error_detail, g.retry_in_ms,
        CASE WHEN m.status = 'cancelled' THEN 'cancelled' ELSE g.state END AS state,
        CASE WHEN m.status = 'cancelled' THEN 'message_cancelled' ELSE g.error_code END AS error_code
      FROM given g LEFT JOIN returning_to m ON g.state = 'queued' AND m.id = g.message_id
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
    ), told AS (
      ${recordingProgress(sql`(SELECT message_id, state AS status FROM judged WHERE moves AND state <> 'queued')`)}
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
 * Those become `unknown` and are never sent again by themselves. @returns which
 */
export async function recoverClaims (db: TenantDb, afterMs: number): Promise<Array<{ messageId: string, phoneHash: Buffer }>> {
  const dead = sql`claim_token IS NOT NULL AND claimed_at < now() - make_interval(secs => ${afterMs}::float8 / 1000)`
  const { rows } = await sql<{ messageId: string, phoneHash: Buffer }>`
    WITH lost AS (
      SELECT r.message_id, r.phone_hash FROM message_recipients r
      WHERE (r.message_id, r.phone_hash) IN (SELECT message_id, phone_hash FROM message_queue WHERE ${dead})
      ORDER BY r.message_id, r.phone_hash FOR UPDATE
    ), gone AS (
      DELETE FROM message_queue q USING lost WHERE q.message_id = lost.message_id AND q.phone_hash = lost.phone_hash AND ${dead}
      RETURNING q.message_id, q.phone_hash
    ), written AS (
      UPDATE message_recipients r SET status = 'unknown', error_code = 'worker_lost', updated_at = now(),
        error_detail = 'The worker stopped before it could record the carrier''s answer.'
      FROM gone WHERE r.message_id = gone.message_id AND r.phone_hash = gone.phone_hash AND r.status = 'sending'
      RETURNING r.message_id, r.phone_hash, r.status
    ), told AS (
      ${recordingProgress(sql`written`)}
    )
    SELECT message_id AS "messageId", phone_hash AS "phoneHash" FROM written`.execute(db)
  return rows
}

/** Milliseconds until the next text is due, 0 or less when one is; null when none waits. */
export interface Outlook {
  answersInMs: number | null
  broadcastsInMs: number | null
  /** Milliseconds since the oldest text in a worker's hands was claimed; null when none is. */
  claimedForMs: number | null
}

/** What the outbox holds of messages that are neither paused nor cancelled, by index alone however full it is. Times by the database's clock, which all processes share. */
export async function readOutlook (db: TenantDb): Promise<Outlook> {
  const nextOf = (traffic: Traffic) => sql`extract(epoch FROM min(greatest(first.not_before, ${opensAt(traffic)})) FILTER (WHERE ${isOf(traffic, sql`first.lane`)}) - now())::float8 * 1000`
  const { rows: [row] } = await sql<Outlook>`
    SELECT
      ${nextOf('answers')} AS "answersInMs", ${nextOf('broadcasts')} AS "broadcastsInMs",
      (SELECT extract(epoch FROM now() - min(claimed_at))::float8 * 1000 FROM message_queue WHERE claim_token IS NOT NULL) AS "claimedForMs"
    FROM messages m, LATERAL (
      SELECT not_before, lane FROM message_queue q WHERE q.message_id = m.id AND claim_token IS NULL ORDER BY not_before LIMIT 1
    ) AS first WHERE m.status = 'sending'`.execute(db)
  return row ?? { answersInMs: null, broadcastsInMs: null, claimedForMs: null }
}
