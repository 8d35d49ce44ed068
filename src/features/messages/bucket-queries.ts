// The SQL of what slows a tenant down: token buckets, and what the carrier, or a limit, has closed for a while.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Traffic } from './traffic.js'

/** By the database's clock, which all processes share. */
export const databaseNow: RawBuilder<Date> = sql<Date>`now()`

/**
 * In parts; `perSecond` null: filled once a day. Of a day's bucket the row holds what was taken from it, below zero, so that a
 * limit that is raised or lowered counts at once.
 */
export interface BucketLimit { name: string, perSecond: number | null, capacity: number }

/** The carriers' day begins at midnight Pacific. */
const pacificDay = (now: RawBuilder<Date>) => sql`date_trunc('day', ${now} AT TIME ZONE 'America/Los_Angeles')`
const dayBegan = (now: RawBuilder<Date>) => sql`(${pacificDay(now)} AT TIME ZONE 'America/Los_Angeles')`
const dayEnds = (now: RawBuilder<Date>) => sql`((${pacificDay(now)} + interval '1 day') AT TIME ZONE 'America/Los_Angeles')`
/** A limit of ours closes no longer than this, then it is looked at again: meanwhile it may have been raised. What the carrier closes stays closed. */
const longestClosing = sql`interval '10 minutes'`

const own = { answers: 'answers:', broadcasts: 'number:' } as const

/** The bucket of one sending number. Answers have one of their own: only the carrier closes it. */
export function numberBucket (traffic: Traffic, from: string): string {
  return own[traffic] + from
}

/** When the last of the buckets of messages `m` opens; null when none is closed. */
export function opensAt (traffic: Traffic): RawBuilder<Date | null> {
  const names = traffic === 'answers' ? sql`ARRAY[${own.answers} || m.from_number]` : sql`ARRAY[${own.broadcasts} || m.from_number, 'campaign', 'brand']`
  return sql`(SELECT max(b.closed_until) FROM send_buckets b WHERE b.name = ANY (${names}))`
}

/** Nothing further is taken from it for so many milliseconds. */
export async function closeBucket (db: TenantDb, name: string, ms: number): Promise<void> {
  await sql`
    INSERT INTO send_buckets AS b (name, closed_until) VALUES (${name}, now() + make_interval(secs => ${ms}::float8 / 1000))
    ON CONFLICT (name) DO UPDATE SET closed_until = greatest(b.closed_until, excluded.closed_until), updated_at = now()`.execute(db)
}

/** Locks these buckets, in this order, and fills them up to `now`. @returns what may leave of each */
export async function fillBuckets (trx: TenantDb, limits: readonly BucketLimit[], now: RawBuilder<Date>): Promise<Map<string, number>> {
  const full = limits.map(({ capacity, perSecond }) => perSecond === null ? 0 : capacity)
  const { rows } = await sql<{ name: string, tokens: number }>`
    INSERT INTO send_buckets AS b (name, tokens, filled_at)
    SELECT name, "full", ${now} FROM unnest(${limits.map(({ name }) => name)}::text[], ${full}::float8[]) AS l (name, "full")
    ON CONFLICT (name) DO UPDATE SET filled_at = greatest(b.filled_at, ${now}), updated_at = now(),
      tokens = coalesce((
        SELECT least(l."full", CASE
          WHEN l.per_second IS NOT NULL THEN b.tokens + greatest(extract(epoch FROM ${now} - b.filled_at)::float8, 0) * l.per_second
          WHEN b.filled_at >= ${dayBegan(now)} THEN b.tokens
        END)
        FROM unnest(${limits.map(({ name }) => name)}::text[], ${full}::float8[], ${limits.map(({ perSecond }) => perSecond)}::float8[]) AS l (name, "full", per_second)
        WHERE l.name = b.name
      ), excluded.tokens)
    RETURNING name, tokens`.execute(trx)
  const floors = new Map(limits.map((limit) => [limit.name, emptyAt(limit)]))
  return new Map(rows.map(({ name, tokens }) => [name, tokens - (floors.get(name) ?? 0)]))
}

/** What the carrier has said of a text of this message: nothing further from its number before then, in texts of that kind. */
export interface Slowdown { messageId: string, until: Date }

/** Closes the buckets of the messages' numbers. Those that are no messages are passed over. */
export async function closeBucketsOf (db: TenantDb, slowdowns: readonly Slowdown[]): Promise<void> {
  await sql`
    INSERT INTO send_buckets AS b (name, closed_until)
    SELECT CASE WHEN m.kind = 'broadcast' THEN ${own.broadcasts} ELSE ${own.answers} END || m.from_number AS name, max(s.until)
    FROM unnest(${slowdowns.map(({ messageId }) => messageId)}::uuid[], ${slowdowns.map(({ until }) => until)}::timestamptz[]) AS s (message_id, until)
    JOIN messages m ON m.id = s.message_id GROUP BY 1 ORDER BY 1
    ON CONFLICT (name) DO UPDATE SET closed_until = greatest(b.closed_until, excluded.closed_until), updated_at = now()`.execute(db)
}

/** What the row of an empty bucket holds. */
function emptyAt ({ perSecond, capacity }: BucketLimit): number {
  return perSecond === null ? -capacity : 0
}

/** `closes`: the bucket that is closed until this one has tokens again, or has paid back all but `overdraft`; null: none. */
export interface Charge extends BucketLimit { spent: number, closes: string | null, overdraft: number }

/** Takes what was spent, after `fillBuckets` in the same transaction. An empty one opens with an eighth of a second's worth, so that it is not visited for each token. */
export async function chargeBuckets (trx: TenantDb, charges: readonly Charge[], now: RawBuilder<Date>): Promise<void> {
  const column = <Value>(pick: (one: Charge) => Value): Value[] => charges.map(pick)
  const opens = (above: RawBuilder<unknown>) => sql`least(${now} + ${longestClosing}, CASE WHEN c.per_second IS NULL THEN ${dayEnds(now)} ELSE ${now} + make_interval(secs => (greatest(c.per_second / 8, 1) - (${above})) / c.per_second) END)`
  const left = sql`b.tokens - c.spent - c.floor`
  await sql`
    WITH charged AS (
      UPDATE send_buckets b SET tokens = b.tokens - c.spent,
        closed_until = CASE WHEN c.closes = b.name AND ${left} < 1 THEN greatest(b.closed_until, ${opens(left)}) ELSE b.closed_until END
      FROM unnest(${column(({ name }) => name)}::text[], ${column(({ spent }) => spent)}::float8[], ${column(({ closes }) => closes)}::text[], ${column((one) => emptyAt(one) - one.overdraft)}::float8[], ${column(({ perSecond }) => perSecond)}::float8[])
        AS c (name, spent, closes, floor, per_second)
      WHERE b.name = c.name RETURNING b.name, c.closes, b.tokens - c.floor AS above, ${opens(sql`b.tokens - c.floor`)} AS opens
    )
    INSERT INTO send_buckets AS b (name, closed_until) SELECT closes, opens FROM charged WHERE closes <> name AND above < 1
    ON CONFLICT (name) DO UPDATE SET closed_until = greatest(b.closed_until, excluded.closed_until)`.execute(trx)
}
