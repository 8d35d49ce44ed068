// Sign-in: the password is checked against every organization the e-mail belongs to, and nothing tells a stranger which those are.
import { setTimeout as pause } from 'node:timers/promises'
import { emailHash } from '../../crypto/email-hash.js'
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { selectTenants, toTenant } from '../../tenancy/tenant-rows.js'
import { isTenantId, type TenantId } from '../../tenancy/tenant.js'
import { forgiveSignIn, countSignIn } from './limit-attempts.js'
import { normalizePassword } from './password-rules.js'
import { insertSession, selectCredentials, selectOrganizationsOf } from './queries.js'
import { type SignedIn } from './register.js'
import { type Admin, type Organization } from './schemas.js'
import { type Caller, newSession } from './session.js'

export interface Credentials { email: string, password: string, tenantId?: string | undefined }

interface Candidate { tenantId: TenantId, adminId: string, suspended: boolean, organization: Organization }
interface Match extends Candidate { admin: Admin }

const checkedAtOnce = 4
/** Refusals go out on this beat, counted from the request's arrival, so their time does not tell what was looked at. */
const refusalBeatMs = 250

/**
 * @throws Problem RATE_LIMITED; CREDENTIALS_INVALID; ORGANIZATION_CHOICE_REQUIRED with `organizations` when several fit;
 * TENANT_SUSPENDED when the only one that fits is suspended
 */
export async function login (services: Services, credentials: Credentials, caller: Caller & { address: string }): Promise<SignedIn> {
  const attempt = { address: caller.address, emailHash: emailHash(services.keyring, credentials.email) }
  await countSignIn(services, attempt)
  const startedAt = performance.now()
  const matches = await findMatches(services, attempt.emailHash, credentials)
  if (matches.length === 0) {
    await pause(refusalBeatMs - (performance.now() - startedAt) % refusalBeatMs)
    throw problem('CREDENTIALS_INVALID')
  }
  await forgiveSignIn(services, attempt)
  const { tenantId, admin, organization } = choose(matches)
  const session = newSession(services, tenantId, admin.id)
  await services.tenancy.withTenant(tenantId, (db) => insertSession(db, session, caller))
  return { tenantId, admin, organization, session }
}

function choose (matches: Match[]): Match {
  const open = matches.filter(({ suspended }) => !suspended)
  const [only, ...others] = open
  if (only === undefined) throw problem('TENANT_SUSPENDED')
  if (others.length === 0) return only
  throw problem('ORGANIZATION_CHOICE_REQUIRED', {
    extensions: { organizations: open.map(({ tenantId, organization: { name, kind } }) => ({ tenantId, name, kind })) }
  })
}

async function findMatches (services: Services, hash: Buffer, { password, tenantId }: Credentials): Promise<Match[]> {
  const plain = normalizePassword(password)
  const rows = await selectOrganizationsOf(services.registry, hash, tenantId)
  const candidates = rows.flatMap(({ tenantId: id, adminId, status, trialEndsAt, ...organization }): Candidate[] =>
    isTenantId(id) ? [{ tenantId: id, adminId, suspended: status === 'suspended', organization: { ...organization, trialEndsAt: trialEndsAt.toISOString() } }] : [])
  if (candidates.length === 0) {
    await services.passwords.verifyNothing(plain)
    return []
  }
  const results: Array<PromiseSettledResult<Match | undefined>> = []
  for (let start = 0; start < candidates.length; start += checkedAtOnce) {
    results.push(...await Promise.allSettled(candidates.slice(start, start + checkedAtOnce).map((candidate) => check(services, candidate, plain))))
  }
  const matches = results.flatMap((result) => result.status === 'fulfilled' && result.value !== undefined ? [result.value] : [])
  // One organization out of reach does not keep anyone from the others; alone, it is the answer.
  if (matches.length === 0) for (const result of results) if (result.status === 'rejected') throw result.reason
  return matches
}

async function check (services: Services, candidate: Candidate, password: string): Promise<Match | undefined> {
  const found = await readCredentials(services, candidate)
  if (found === undefined) {
    await services.passwords.verifyNothing(password)
    return undefined
  }
  const { passwordHash, ...admin } = found
  return await services.passwords.verify(passwordHash, password) ? { ...candidate, admin } : undefined
}

/** The connection is given back before the slow hash begins. */
async function readCredentials ({ registry, tenancy }: Services, { tenantId, adminId, suspended }: Candidate) {
  if (!suspended) return await tenancy.withTenant(tenantId, (db) => selectCredentials(db, adminId))
  const row = await selectTenants(registry).where('tenants.id', '=', tenantId).executeTakeFirstOrThrow()
  const lease = await tenancy.leaseOf(toTenant(row))
  try {
    return await selectCredentials(lease.db, adminId)
  } finally {
    lease.release()
  }
}
