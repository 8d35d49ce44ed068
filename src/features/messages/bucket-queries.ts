// The SQL of what slows a tenant down: buckets that the carrier, or a limit, has closed for a while.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Traffic } from './traffic.js'

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
