// How a command ends when it can't go on: one message for the operator, exit code 1.
import { ConfigError } from '../config.js'
import { Problem } from '../errors.js'
import { EmbeddedPostgresError } from '../sandbox/postgres/failure.js'
import { FleetRefused } from '../tenancy/fleet/fleet-order.js'
import { messageOf } from './check.js'
import { describeUnsafe } from './describe-migration.js'

/** Errors made for people show their message; any other shows its stack, for it is ours to mend. */
export function fail (error: unknown): void {
  const forPeople = error instanceof ConfigError || error instanceof Problem || error instanceof EmbeddedPostgresError || error instanceof FleetRefused || isSystemError(error)
  if (isMissingTable(error)) console.error('koinonia: The registry has no tables yet, or not all of them. Run: koinonia migrate')
  else console.error(forPeople ? `koinonia: ${messageOf(error)}` : error)
  if (error instanceof FleetRefused && error.unsafe.length > 0) console.error(describeUnsafe(error.unsafe))
  process.exitCode = 1
}

function isSystemError (error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

/** SQLSTATE undefined_table. */
function isMissingTable (error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42P01'
}
