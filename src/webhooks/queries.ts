// All SQL of the ledger of webhooks, which is also their queue.
import { sql } from 'kysely'
import { type Pool } from 'pg'
import { type RegistryDb } from '../registry/db.js'

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

// In the one statement the wake-up is committed with the rows: a run that starts before the commit cannot swallow it.
const insertStatement = `
  WITH fresh AS (
    INSERT INTO webhook_events (provider, event_id, route_token, payload)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
    ON CONFLICT (provider, event_id) DO NOTHING RETURNING id
  ), woken AS (
    SELECT graphile_worker.add_job('${processingTask}', payload := '{}'::json, job_key := '${processingTask}', job_key_mode := 'replace')
    FROM fresh LIMIT 1
  )
  SELECT (SELECT count(*)::int FROM fresh) AS fresh, (SELECT count(*)::int FROM woken) AS woken`

/** Returns how many were new. Through the pool itself, because Kysely names no statements and this one is parsed once a connection. */
export async function insertEvents (pool: Pool, events: readonly LedgerEvent[]): Promise<number> {
  const { rows: [row] } = await pool.query<{ fresh: number }>({
    name: 'insert-webhook-events',
    text: insertStatement,
    values: [events.map(({ provider }) => provider), events.map(({ eventId }) => eventId), events.map(({ routeToken }) => routeToken), events.map(({ payload }) => payload)]
  })
  return row?.fresh ?? 0
}

export interface ClaimedEvent extends LedgerEvent {
  id: string
  attempts: number
}

/**
 * Takes the oldest events that are due, for `leaseSeconds`: unless they are settled by then they are due again, so a crash loses
 * none. The attempt counts from the claim, so that an event that kills the process does not do so for ever.
 */
export async function claimEvents (db: RegistryDb, limit: number, leaseSeconds: number): Promise<ClaimedEvent[]> {
  const rows = await db.updateTable('webhook_events')
    .set({ attempts: sql`attempts + 1`, not_before: sql`now() + make_interval(secs => ${leaseSeconds})` })
    .where('id', 'in', (due) => due.selectFrom('webhook_events').select('id')
      .where('status', '=', 'received').where('not_before', '<=', sql<Date>`now()`)
      .orderBy('id').limit(limit).forUpdate().skipLocked())
    .returning(['id', 'provider', 'event_id', 'route_token', 'payload', 'attempts'])
    .execute()
  return rows
    .map((row) => ({ id: row.id, provider: row.provider, eventId: row.event_id, routeToken: row.route_token, payload: row.payload ?? Buffer.alloc(0), attempts: row.attempts }))
    .sort((one, other) => Number(one.id) - Number(other.id))
}
