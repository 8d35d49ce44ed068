// Sign-up: a database of its own for a new organization, with its first admin and session in it, or nothing at all.
import { uuidv7 } from '../../crypto/uuid.js'
import { emailHash } from '../../crypto/email-hash.js'
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type Reservation } from '../../tenancy/provisioner.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { refillSparesJob } from './jobs.js'
import { normalizePassword, refuseWeakPassword } from './password-rules.js'
import { insertFirstAdmin } from './queries.js'
import { type Admin, type Organization } from './schemas.js'
import { type Caller, newSession, type Session } from './session.js'

export interface Registration {
  kind: 'church' | 'studio'
  organizationName: string
  email: string
  password: string
  firstName: string
  lastName: string
  /** IANA name. */
  timeZone?: string | undefined
}

export interface SignedIn { tenantId: TenantId, admin: Admin, organization: Organization, session: Session }

const defaultTimeZone = 'America/New_York'
const dayMs = 86_400_000

/**
 * @throws Problem VALIDATION_FAILED for a weak password or unknown time zone; SIGN_UP_UNAVAILABLE. Whatever is thrown,
 * nothing of the sign-up is left.
 */
export async function register (services: Services, registration: Registration, caller: Caller): Promise<SignedIn> {
  const { kind, password, timeZone = defaultTimeZone } = registration
  const email = registration.email.trim()
  const name = registration.organizationName.trim()
  refuseWeakPassword(password, [email, email.split('@')[0] ?? '', name, registration.firstName, registration.lastName])
  refuseUnknownTimeZone(timeZone)
  const trialEndsAt = new Date(services.clock.now().getTime() + services.config.TRIAL_DAYS * dayMs)
  const { passwordHash, reservation } = await hashAndReserve(services, password, { kind, name, email, timeZone, trialEndsAt })
  try {
    const tenantId = reservation.tenant.id
    const admin: Admin = {
      id: uuidv7(services.clock.now().getTime()),
      email,
      firstName: registration.firstName.trim(),
      lastName: registration.lastName.trim(),
      role: 'primary'
    }
    const session = newSession(services, tenantId, admin.id)
    await writeFirstAdmin(services, reservation, { admin, passwordHash, session, caller })
    await services.provisioner.activate(reservation, { id: admin.id, emailHash: emailHash(services.keyring, email) })
    const organization = { id: reservation.organizationId, kind, name, timeZone, trialEndsAt: trialEndsAt.toISOString() }
    return { tenantId, admin, organization, session }
  } catch (error) {
    await undo(services, reservation)
    throw error
  }
}

/** Side by side: with a spare at hand the hash is all that a sign-up waits for. */
async function hashAndReserve (services: Services, password: string, organization: Parameters<Services['provisioner']['reserve']>[0]) {
  const reserving = services.provisioner.reserve(organization)
  const refilling = reserving.then(() => services.jobs.enqueue(refillSparesJob, {}, { key: refillSparesJob.name }))
    .catch((error: unknown) => { services.log.warn({ err: error }, 'the next spare was not ordered; the next sign-up orders it') })
  const [hashed, reserved] = await Promise.allSettled([services.passwords.hash(normalizePassword(password)), reserving, refilling])
  if (hashed.status === 'fulfilled' && reserved.status === 'fulfilled') return { passwordHash: hashed.value, reservation: reserved.value }
  if (reserved.status === 'fulfilled') await undo(services, reserved.value)
  throw reserved.status === 'rejected' ? reserved.reason : hashed.status === 'rejected' ? hashed.reason : undefined
}

async function writeFirstAdmin (services: Services, reservation: Reservation, first: Parameters<typeof insertFirstAdmin>[1]): Promise<void> {
  const lease = await services.tenancy.leaseOf(reservation.tenant)
  try {
    await insertFirstAdmin(lease.db, first)
  } finally {
    lease.release()
  }
}

async function undo (services: Services, reservation: Reservation): Promise<void> {
  try {
    await services.provisioner.abandon(reservation)
  } catch (error) {
    services.log.error({ err: error, tenantId: reservation.tenant.id }, 'a failed sign-up could not be undone; the reconciler does it when the reservation expires')
  }
}

function refuseUnknownTimeZone (timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone }).format(0)
  } catch (error) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/timeZone', message: 'must be the IANA name of a time zone, such as America/Chicago' }], cause: error })
  }
}
