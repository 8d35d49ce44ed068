// How it is told that a server lets us in no more because a role's password has been changed.
import { DatabaseError } from 'pg'

/** SQLSTATE invalid_password. */
const INVALID_PASSWORD = '28P01'

export function isRefusedPassword (error: unknown): boolean {
  return error instanceof DatabaseError && error.code === INVALID_PASSWORD
}
