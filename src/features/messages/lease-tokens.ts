// The SQL of the carrier account's rates, in the registry: a process takes from a bucket what it is about to send.
import { type RawBuilder, sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { databaseNow } from './bucket-queries.js'

/** What the account limits separately: texts, and picture messages. */
export type SendKind = 'sms' | 'mms'

/** In parts. A bucket holds half a second's worth, so that a pause earns no flood. */
export interface AccountLimit { kind: SendKind, perSecond: number }

/** `owed`: what answers have taken already; it is charged whatever the bucket holds. */
export interface LeaseOrder { wanted: number, owed: number }

/** `left`: what the bucket holds then; below zero what is to be paid back before anything is granted. */
export interface Lease { granted: number, left: number }

/** So many seconds' worth is paid back at most: what left before that troubles the carrier no more. */
const mostOwedSeconds = 10

/** Fills the bucket up to now and takes from it, in one statement, which processes do one after another. */
export async function leaseTokens (registry: RegistryDb, { kind, perSecond }: AccountLimit, { wanted, owed }: LeaseOrder, now: RawBuilder<Date> = databaseNow): Promise<Lease> {
  const level = (row: RawBuilder<unknown>) => sql`(least(${Math.max(perSecond / 2, 1)}::float8, ${row}.tokens + greatest(extract(epoch FROM ${now} - ${row}.filled_at)::float8, 0) * ${perSecond}::float8) - ${owed}::float8)`
  const granted = (row: RawBuilder<unknown>) => sql`greatest(least(${wanted}::float8, floor(${level(row)})), 0)`
  const before = sql`send_rates`
  const { rows: [lease] } = await sql<Lease>`
    UPDATE send_rates SET
      tokens = greatest(${level(before)} - ${granted(before)}, ${-mostOwedSeconds * perSecond}::float8), filled_at = greatest(filled_at, ${now})
    WHERE kind = ${kind} RETURNING ${granted(sql`old`)} AS granted, new.tokens AS left`.execute(registry)
  if (lease === undefined) throw new Error(`send_rates has no row ${kind}`)
  return lease
}
