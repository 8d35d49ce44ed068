// How often one address or e-mail may try: counted in the registry over fixed windows, so that all processes count together.
import { createHmac } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { sql } from 'kysely'
import { problem } from '../../errors.js'
import { type RegistryDatabase } from '../../registry/db.js'
import { type Services } from '../../services.js'

type Needs = Pick<Services, 'registry' | 'keyring' | 'config' | 'clock'>
type Kind = RegistryDatabase['attempt_counts']['kind']

interface Attempt { kind: Kind, subject: string, limit: number, windowSeconds: number }

export interface SignInAttempt { address: string, emailHash: Buffer }

const hourSeconds = 3_600

/**
 * Counts before the password is checked, so that a burst of parallel guesses is not let through; `forgiveSignIn` takes a right one back.
 * @throws Problem RATE_LIMITED with `retryAfter`
 */
export async function countSignIn (services: Needs, attempt: SignInAttempt): Promise<void> {
  await count(services, signInAttempts(services, attempt))
}

/** After a right password: the e-mail starts at nothing again, and the address is as if it had not tried. */
export async function forgiveSignIn (services: Needs, attempt: SignInAttempt): Promise<void> {
  const [byAddress, byEmail] = signInAttempts(services, attempt)
  // Two statements, each locking one row: one statement that locks both could wait for a counting one that waits for it.
  await services.registry.deleteFrom('attempt_counts').where('kind', '=', byEmail.kind).where('subject_hash', '=', hashOf(services, byEmail)).execute()
  await services.registry.updateTable('attempt_counts')
    .set({ attempts: sql<number>`greatest(attempts - 1, 0)` })
    .where('kind', '=', byAddress.kind)
    .where('subject_hash', '=', hashOf(services, byAddress))
    .execute()
}

/** @throws Problem RATE_LIMITED with `retryAfter` */
export async function countSignUp (services: Needs, address: string): Promise<void> {
  await count(services, [{ kind: 'sign_up_address', subject: networkOf(address), limit: services.config.SIGN_UPS_PER_HOUR, windowSeconds: hourSeconds }])
}

export async function deleteExpiredAttempts ({ registry, clock }: Pick<Services, 'registry' | 'clock'>): Promise<void> {
  await registry.deleteFrom('attempt_counts').where('expires_at', '<=', clock.now()).execute()
}

function signInAttempts ({ config }: Needs, { address, emailHash }: SignInAttempt): [Attempt, Attempt] {
  const limits = { limit: config.LOGIN_ATTEMPTS, windowSeconds: config.LOGIN_WINDOW_SECONDS }
  return [
    { kind: 'sign_in_address', subject: networkOf(address), ...limits },
    { kind: 'sign_in_email', subject: emailHash.toString('hex'), ...limits }
  ]
}

async function count (services: Needs, attempts: Attempt[]): Promise<void> {
  const now = services.clock.now()
  // Every statement locks its address before its e-mail, so that two never wait for each other.
  const counted = await services.registry.insertInto('attempt_counts')
    .values(attempts.map((attempt) => ({
      kind: attempt.kind,
      subject_hash: hashOf(services, attempt),
      attempts: 1,
      expires_at: new Date(now.getTime() + attempt.windowSeconds * 1000)
    })))
    .onConflict((conflict) => conflict.columns(['kind', 'subject_hash']).doUpdateSet({
      attempts: sql<number>`CASE WHEN attempt_counts.expires_at <= ${now} THEN 1 ELSE attempt_counts.attempts + 1 END`,
      expires_at: sql<Date>`CASE WHEN attempt_counts.expires_at <= ${now} THEN excluded.expires_at ELSE attempt_counts.expires_at END`
    }))
    .returning(['kind', 'attempts', 'expires_at'])
    .execute()
  const exceeded = counted.filter((row) => attempts.some(({ kind, limit }) => kind === row.kind && row.attempts > limit))
  if (exceeded.length === 0) return
  const until = Math.max(...exceeded.map((row) => row.expires_at.getTime()))
  throw problem('RATE_LIMITED', { detail: 'Too many attempts. Wait as long as Retry-After says, then try again.', retryAfter: Math.max((until - now.getTime()) / 1000, 1) })
}

function hashOf ({ keyring }: Needs, { kind, subject }: Attempt): Buffer {
  return createHmac('sha256', keyring.derive('attempt-counts')).update(`${kind}:${subject}`).digest()
}

/** Whoever has one IPv6 address has all of its /64. */
function networkOf (address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = [...before, ...Array<string>(Math.max(8 - before.length - after.length, 0)).fill('0'), ...after]
  return groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(':')
}
