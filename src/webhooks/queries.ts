// The SQL of the ledger of webhooks, which is also their queue; that of claims is in claim-queries.ts.
import { sql } from 'kysely'
import { type Pool } from 'pg'
import { type RegistryDb } from '../registry/db.js'
import { binaryArray } from './binary-array.js'

export type Provider = 'telnyx' | 'stripe'

export interface LedgerEvent {
  provider: Provider
  /** The provider's, the same for each delivery of one event. */
  eventId: string
  /** The token at the end of a status callback's path; null on every other path. */
  routeToken: string | null
  /** The body as it was signed. */
  payload: Buffer
}

/** The task that works the ledger off, and its key: however many commits wake it, one run waits. */
export const processingTask = 'webhooks.process'

// In the one statement the wake-up is committed with the rows: a run that starts before the commit cannot swallow it. One that waits
// already is locked until the commit, so that it looks after it; asking for it once more would cost more than the rows do.
const insertStatement = `
  WITH fresh AS (
    INSERT INTO webhook_events (provider, event_id, route_token, payload)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
    ON CONFLICT (provider, event_id) DO NOTHING RETURNING id
  ), waiting AS (
    SELECT FROM webhook_wake_up WHERE waiting FOR SHARE
  ), woken AS (
    SELECT graphile_worker.add_job('${processingTask}', payload := '{}'::json, job_key := '${processingTask}', job_key_mode := 'replace')
    FROM fresh WHERE NOT EXISTS (SELECT FROM waiting) LIMIT 1
  ), noted AS (
    UPDATE webhook_wake_up SET waiting = true WHERE NOT waiting AND EXISTS (SELECT FROM woken)
  )
  SELECT (SELECT count(*)::int FROM fresh) AS fresh`

/** Returns how many were new. Through the pool itself, because Kysely names no statements and this one is parsed once a connection. */
export async function insertEvents (pool: Pool, events: readonly LedgerEvent[]): Promise<number> {
  const { rows: [row] } = await pool.query<{ fresh: number }>({
    name: 'insert-webhook-events',
    text: insertStatement,
    values: [
      binaryArray('text', events.map(({ provider }) => provider)), binaryArray('text', events.map(({ eventId }) => eventId)),
      binaryArray('text', events.map(({ routeToken }) => routeToken)), binaryArray('bytea', events.map(({ payload }) => payload))
    ]
  })
  return row?.fresh ?? 0
}

export interface ClaimedEvent extends LedgerEvent {
  id: string
  /** 1 at the first. */
  attempt: number
  /** Known from an earlier try. */
  tenantId: string | null
}

/** What became of one claimed event. */
export type Outcome = { tenantId?: string } & (
  | { status: 'processed' }
  | { status: 'ignored' | 'failed', reason: string }
  /** Due again in `delaySeconds`. `counts`: whether the attempt was the event's own fault, of which it has only so many. */
  | { status: 'received', reason: string, delaySeconds: number, counts: boolean }
)

export interface SettledEvent { id: string, outcome: Outcome }

/** What is settled for good loses its words; what failed keeps them, for a person to look at. */
export async function settleEvents (db: RegistryDb, settled: readonly SettledEvent[]): Promise<void> {
  const column = <Value>(pick: (outcome: Outcome) => Value): Value[] => settled.map(({ outcome }) => pick(outcome))
  await sql`
    UPDATE webhook_events w SET
      status = o.status, tenant_id = coalesce(o.tenant_id, w.tenant_id), last_error = o.reason,
      payload = CASE WHEN o.status IN ('processed', 'ignored') THEN NULL ELSE w.payload END,
      attempts = w.attempts - o.refund, claimed_by = NULL,
      not_before = now() + make_interval(secs => o.delay),
      processed_at = CASE WHEN o.status = 'received' THEN NULL ELSE now() END
    FROM unnest(
      ${settled.map(({ id }) => id)}::bigint[], ${column(({ status }) => status)}::text[], ${column(({ tenantId }) => tenantId ?? null)}::text[],
      ${column((outcome) => outcome.status === 'processed' ? null : outcome.reason)}::text[],
      ${column((outcome) => outcome.status === 'received' ? outcome.delaySeconds : 0)}::float8[],
      ${column((outcome) => outcome.status === 'received' && !outcome.counts ? 1 : 0)}::int[]
    ) AS o (id, status, tenant_id, reason, delay, refund)
    WHERE w.id = o.id AND w.status = 'received'`.execute(db)
}

export interface NumberOwner { tenantId: string, status: 'pending' | 'active' | 'releasing' | 'released' }

/** Who owns each of these numbers (E.164); those that nobody does are missing. */
export async function findNumberOwners (db: RegistryDb, numbers: readonly string[]): Promise<Map<string, NumberOwner>> {
  if (numbers.length === 0) return new Map()
  const rows = await db.selectFrom('phone_number_registry').select(['phone_number', 'tenant_id', 'status'])
    .where('channel', '=', 'sms').where('phone_number', 'in', [...new Set(numbers)]).execute()
  return new Map(rows.map((row) => [row.phone_number, { tenantId: row.tenant_id, status: row.status }]))
}

/** What waits for this tenant is due now: the next sweep takes it. */
export async function hurryEvents (db: RegistryDb, tenantId: string): Promise<void> {
  await db.updateTable('webhook_events').set({ not_before: sql`now()` }).where('status', '=', 'received').where('tenant_id', '=', tenantId).execute()
}

/** Deletes at most `limit` settled events older than `days`; returns how many. What still waits is never deleted. */
export async function deleteOldEvents (db: RegistryDb, days: number, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    DELETE FROM webhook_events WHERE id IN (
      SELECT id FROM webhook_events WHERE created_at < now() - make_interval(days => ${days}) AND status <> 'received' LIMIT ${limit}
    )`.execute(db)
  return Number(numAffectedRows ?? 0)
}
