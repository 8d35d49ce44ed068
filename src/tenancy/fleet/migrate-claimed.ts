// Migrates one tenant that is in this runner's hands, and says how it went.
import { setTimeout as pause } from 'node:timers/promises'
import { Problem } from '../../errors.js'
import { migrateAsTenant } from '../create-database.js'
import { type Provisioning } from '../provisioning.js'
import { type TenantId } from '../tenant.js'
import { type Advance, advanceDatabase, type Advancing, MigrationFailed } from './advance-database.js'
import { type Claim, type TenantOutcome } from './claim-queries.js'
import { type FleetTiming } from './fleet-timing.js'

/** The server does not answer: no fault of the tenant's. */
export class ServerSilent extends Error {
  override readonly name = 'ServerSilent'
}

const UNDEFINED_TABLE = '42P01'
/** Longer ones are cut: the beginning says what it was. */
const ERROR_LENGTH = 2_000

export interface Migrating extends Pick<Advancing, 'target' | 'direction'> {
  server: string
  timing: FleetTiming
}

/** @throws ServerSilent */
export async function migrateClaimed (work: Provisioning, claim: Claim, migrating: Migrating): Promise<TenantOutcome> {
  const begun = performance.now()
  const outcome = (error: string | null, version: number | null): TenantOutcome =>
    ({ id: claim.id, error, version, ms: Math.round(performance.now() - begun) })
  try {
    const { version } = await reachDatabase(work, claim, migrating)
    await work.onStep('fleet-advanced', claim.id)
    return outcome(null, version)
  } catch (error) {
    if (error instanceof ServerSilent) throw error
    work.log.error({ err: error, tenantId: claim.id }, 'a tenant could not be migrated')
    return outcome(errorText(error), error instanceof MigrationFailed ? error.version : null)
  }
}

/** For the row and for the operator. */
export function errorText (error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_LENGTH)
  return message === '' ? 'It failed without a word' : message
}

type Database = Pick<Claim, 'id' | 'databaseName' | 'roleName'>

/**
 * A server that restarts is waited for, but not for ever.
 * @throws ServerSilent, MigrationFailed, PostgreSQL's errors
 */
export async function reachDatabase (work: Provisioning, claim: Database, migrating: Migrating): Promise<Advance> {
  const { serverTries, firstPauseMs } = migrating.timing
  for (let tried = 1; ; tried++) {
    try {
      return await advance(work, claim, migrating)
    } catch (error) {
      if (!isSilence(error)) throw error
      if (tried >= serverTries) throw new ServerSilent(error instanceof Error ? error.message : String(error), { cause: error })
      await pause(firstPauseMs * 2 ** tried)
    }
  }
}

async function advance (work: Provisioning, claim: Database, { server, target, direction, timing }: Migrating): Promise<Advance> {
  return await work.servers.connect(server, async (inside) => {
    const onFile = (): void | Promise<void> => work.onStep('fleet-file', claim.id)
    try {
      return await advanceDatabase(inside, { roleName: claim.roleName, target, direction, timing, onFile })
    } catch (error) {
      if (!hasCode(error, UNDEFINED_TABLE) || direction === 'down') throw error
      // Nothing has ever been applied: the way of a new database.
      return { applied: [], version: await migrateAsTenant(work, inside, { id: claim.id as TenantId, roleName: claim.roleName }) }
    }
  }, claim.databaseName)
}

const silence = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT', 'DATABASE_BUSY', 'DATABASE_UNAVAILABLE',
  // Shutting down, crashed, starting up, too many connections.
  '57P01', '57P02', '57P03', '53300'])

function isSilence (error: unknown): boolean {
  if (error instanceof MigrationFailed) return isSilence(error.cause)
  if (error instanceof Problem || hasAnyCode(error)) return silence.has(error.code)
  return error instanceof Error && /^(?:Connection terminated|timeout exceeded when trying to connect|connect )/i.test(error.message)
}

function hasAnyCode (error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}

const hasCode = (error: unknown, code: string): boolean => hasAnyCode(error) && error.code === code
