// How processes see of each other whether they are alive: each holds an advisory lock of its own for as long as its connection does.
import { type RawBuilder, sql } from 'kysely'

/** First half of the two-part lock; the second half names the session. */
export const SESSION_LOCK = 1_802_463_598

/** Taken on the connection that listens. When the process dies, its connection does, and PostgreSQL lets the lock go with it. */
export const holdSession = (session: number): string => `SELECT pg_advisory_lock(${SESSION_LOCK}, ${session})`

export function sessionIsAlive (session: number): RawBuilder<boolean> {
  return sql`EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = ${SESSION_LOCK}::oid AND objid = ${session}::oid AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
}
