// How it is told that a server lets us in no more because a role's password has been changed.
import { DatabaseError } from 'pg'

/** SQLSTATE invalid_password. */
const INVALID_PASSWORD = '28P01'
/** SQLSTATE protocol_violation, which PgBouncer gives to all that it says itself. */
const OF_POOLER = '08P01'

/** A role that may not log in at all is none to PgBouncer. */
export function isRefusedPassword (error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  return error.code === INVALID_PASSWORD || (error.code === OF_POOLER && /^(SASL authentication failed|password authentication failed|no such user)/.test(error.message))
}
