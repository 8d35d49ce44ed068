// The SQL of who leaves when: each recipient's place in the outbox, putting off what would leave at night, and dropping what is too late.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Departure } from '../quiet-hours/departures.js'
import { type PlaceCount } from '../quiet-hours/forecast.js'
import { memberZone, type Place } from '../quiet-hours/places.js'
import { lanes } from './queue-text.js'

/**
 * Puts those of the CTE `chosen` (member_id, phone_hash, status) that are queued into the outbox, each by the departure of their
 * place; whoever has moved to another place since these were planned, by the first. For use inside a WITH.
 */
export function queueChosen (messageId: string, organizationZone: string, [home, ...places]: readonly [Departure, ...Departure[]]): RawBuilder<unknown> {
  const columns = sql`INSERT INTO message_queue (message_id, phone_hash, lane, not_before, time_zone, region, quiet_from, deferred)`
  if (places.length === 0) {
    return sql`${columns}
      SELECT ${messageId}, chosen.phone_hash, ${lanes.broadcast}, coalesce(${home.notBefore}::timestamptz, now()), ${home.timeZone}, ${home.region}, ${home.quietFrom}::timestamptz, ${home.deferred}
      FROM chosen WHERE chosen.status = 'queued' RETURNING 1`
  }
  const zone = memberZone(organizationZone)
  return sql`${columns}
    SELECT ${messageId}, chosen.phone_hash, ${lanes.broadcast}, coalesce(d.not_before, now()), d.time_zone, d.region, d.quiet_from, d.deferred
    FROM chosen LEFT JOIN members m ON m.id = chosen.member_id LEFT JOIN ${zone.join} LEFT JOIN ${asTable(places, 'known')} ON known.time_zone = ${zone.of} AND known.region IS NOT DISTINCT FROM m.phone_region
    JOIN ${asTable([home, ...places], 'd')} ON d.place = coalesce(known.place + 1, 1)
    WHERE chosen.status = 'queued' RETURNING 1`
}

/** How many these are, by place. `texted`: a condition on a member's row `m`. */
export async function countByPlace (db: TenantDb, organizationZone: string, texted: RawBuilder<boolean>): Promise<PlaceCount[]> {
  const zone = memberZone(organizationZone)
  const { rows } = await sql<PlaceCount>`
    SELECT ${zone.of} AS "timeZone", m.phone_region AS region, count(*)::int AS count FROM members m LEFT JOIN ${zone.join}
    WHERE ${texted} GROUP BY 1, 2`.execute(db)
  return rows
}

/** Those of the outbox whose window has ended while they waited. */
export async function findQuiet (db: TenantDb, now: Date): Promise<Place[]> {
  const { rows } = await sql<Place>`
    SELECT DISTINCT time_zone AS "timeZone", region FROM message_queue WHERE claim_token IS NULL AND quiet_from <= ${now}`.execute(db)
  return rows
}

/** Gives them their next window. @returns how many */
export async function putOff (db: TenantDb, now: Date, departures: readonly Departure[]): Promise<number> {
  const { numAffectedRows } = await sql`
    UPDATE message_queue q SET not_before = coalesce(d.not_before, q.not_before), quiet_from = d.quiet_from, deferred = d.deferred
    FROM ${asTable(departures, 'd')}
    WHERE q.claim_token IS NULL AND q.quiet_from <= ${now} AND d.time_zone = q.time_zone AND d.region IS NOT DISTINCT FROM q.region`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/**
 * Takes out of the outbox what can't leave before its message's deadline: that has passed, or is `marginMs` away, or lies before
 * the text may leave. They count as cancelled, with a code. With `messageId` of that message alone. @returns how many
 */
export async function dropLate (db: TenantDb, now: Date, marginMs: number, messageId: string | null = null): Promise<number> {
  const { rows } = await sql`
    WITH gone AS (
      DELETE FROM message_queue q USING messages m
      WHERE m.id = q.message_id AND m.status IN ('sending', 'paused') AND q.claim_token IS NULL AND (${messageId}::uuid IS NULL OR m.id = ${messageId})
        AND (m.send_before <= ${new Date(now.getTime() + marginMs)} OR ((q.deferred OR m.local_date IS NOT NULL) AND q.not_before >= m.send_before))
      RETURNING q.message_id, q.phone_hash
    )
    UPDATE message_recipients r SET status = 'cancelled', error_code = 'too_late', updated_at = now()
    FROM gone WHERE r.message_id = gone.message_id AND r.phone_hash = gone.phone_hash AND r.status = 'queued'
    RETURNING r.message_id`.execute(db)
  return rows.length
}

export interface DeferredTexts { count: number, from: Date, until: Date }

/** What of a message waits for daytime. */
export async function countDeferred (db: TenantDb, messageId: string): Promise<DeferredTexts | null> {
  const { rows: [row] } = await sql<DeferredTexts>`
    SELECT count(*)::int AS count, min(not_before) AS "from", max(not_before) AS until
    FROM message_queue WHERE message_id = ${messageId} AND deferred AND claim_token IS NULL HAVING count(*) > 0`.execute(db)
  return row ?? null
}

function asTable (departures: readonly Departure[], name: string): RawBuilder<unknown> {
  const column = <Value>(pick: (one: Departure) => Value): Value[] => departures.map(pick)
  return sql`unnest(
    ${column(({ timeZone }) => timeZone)}::text[], ${column(({ region }) => region)}::text[], ${column(({ notBefore }) => notBefore)}::timestamptz[],
    ${column(({ quietFrom }) => quietFrom)}::timestamptz[], ${column(({ deferred }) => deferred)}::boolean[]
  ) WITH ORDINALITY AS ${sql.raw(name)} (time_zone, region, not_before, quiet_from, deferred, place)`
}
