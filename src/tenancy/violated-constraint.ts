// Reads from a database error which constraint stood in the way: rules are kept by the database, never by check-then-insert.

/** SQLSTATE unique_violation, foreign_key_violation, check_violation, and restrict_violation, which is what ON DELETE RESTRICT raises. */
const violations = new Set(['23505', '23503', '23514', '23001'])

/** The name of the unique index, foreign key or check that the statement would have broken; undefined for any other error. */
export function violatedConstraint (error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('constraint' in error)) return undefined
  return typeof error.code === 'string' && violations.has(error.code) && typeof error.constraint === 'string' ? error.constraint : undefined
}
