// Who did what through the command line: written to the registry beside each act, and read for one tenant.
import { hostname, userInfo } from 'node:os'
import { Problem } from '../errors.js'
import { type RegistryDb } from '../registry/db.js'
import { type Operator } from './operator.js'

export type Action =
  'tenants.create' | 'tenants.suspend' | 'tenants.resume' | 'tenants.delete' | 'tenants.undelete' | 'tenants.retry' | 'tenants.archive' | 'tenants.restore' | 'tenants.backup' | 'tenants.verify' | 'tenants.move' | 'tenants.rotate' | 'tenants.clone' |
  'servers.add' | 'servers.drain' | 'servers.open' | 'servers.remove' | 'doctor.fix' | 'migrate'

interface Act<T> {
  action: Action
  /** The tenant, when it is known beforehand. */
  subject?: string
  run: () => Promise<T>
  /** What is to be noted of an act that ended without an error; `nothing` when it found nothing to do. */
  note?: (result: T) => { subject?: string, failure?: string, nothing?: boolean }
}

/** Runs the act and notes how it ended. Throws what `run` throws, and when an act that was done could not be noted. */
export async function audited<T> ({ registry, log }: Pick<Operator, 'registry' | 'log'>, { action, subject, run, note }: Act<T>): Promise<T> {
  let result: T
  try {
    result = await run()
  } catch (error) {
    await append(registry, action, subject, codeOf(error)).catch((unnoted: unknown) => {
      log.error({ err: unnoted, action }, 'what failed could not be noted in operator_audit')
    })
    throw error
  }
  const noted = note?.(result)
  if (noted?.nothing !== true) await append(registry, action, noted?.subject ?? subject, noted?.failure)
  return result
}

/** The latest acts about a tenant, newest first. */
export async function listActs (registry: RegistryDb, subject: string, limit: number) {
  return await registry.selectFrom('operator_audit')
    .select(['created_at as at', 'action', 'user_name as user', 'host', 'outcome', 'reason'])
    .where('subject', '=', subject)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Who is at the command line, and where. */
export const operatorName = (): string => `${userName()}@${hostname()}`

async function append (registry: RegistryDb, action: Action, subject: string | undefined, failure: string | undefined): Promise<void> {
  await registry.insertInto('operator_audit').values({
    action,
    subject: subject ?? null,
    user_name: userName(),
    host: hostname(),
    outcome: failure === undefined ? 'done' : 'failed',
    reason: failure ?? null
  }).execute()
}

/** In a container the user may have a number and no name. */
function userName (): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** No message: it may hold a person's address. */
function codeOf (error: unknown): string {
  if (error instanceof Problem) return error.code
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown'
}
