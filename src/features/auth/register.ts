// Sign-up: a database of its own for a new organization, with its first admin and session in it, or nothing at all.
import { uuidv7 } from '../../crypto/uuid.js'
import { emailHash } from '../../crypto/email-hash.js'
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type Reservation } from '../../tenancy/provisioner.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { seedTemplates } from '../templates/default-templates.js'
import { refillSparesJob } from './jobs.js'
import { normalizePassword, refuseWeakPassword } from './password-rules.js'
import { insertFirstAdmin, updatePasswordHash } from './queries.js'
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
 * `prepare` makes the answer from what will be signed up. It runs before the activation: if it throws, nothing is signed up.
 * @throws Problem VALIDATION_FAILED for a weak password or unknown time zone; SIGN_UP_UNAVAILABLE. Whatever is thrown,
 * nothing of the sign-up is left, unless the activation was done and only its answer lost.
 */
export async function register<Prepared> (
  services: Services, registration: Registration, caller: Caller, prepare: (signedIn: SignedIn) => Prepared | Promise<Prepared>
): Promise<Prepared> {
  const { kind, password, timeZone = defaultTimeZone } = registration
  const email = registration.email.trim()
  const name = registration.organizationName.trim()
  refuseWeakPassword(password, [email, email.split('@')[0] ?? '', name, registration.firstName, registration.lastName])
  refuseUnknownTimeZone(timeZone)
  const trialEndsAt = new Date(services.clock.now().getTime() + services.config.TRIAL_DAYS * dayMs)
  // The hash takes longest: all that can be is done beside it.
  const hashing = services.passwords.hash(normalizePassword(password))
  hashing.catch(() => undefined)
  const reservation = await services.provisioner.reserve({ kind, name, email, timeZone, trialEndsAt })
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
    const organization = { id: reservation.organizationId, kind, name, timeZone, trialEndsAt: trialEndsAt.toISOString() }
    const prepared = await prepare({ tenantId, admin, organization, session })
    await withReserved(services, reservation, async (db) => {
      await insertFirstAdmin(db, { admin, session, caller })
      await seedTemplates(db, kind)
    })
    const passwordHash = await hashing
    await withReserved(services, reservation, (db) => updatePasswordHash(db, admin.id, passwordHash))
    await services.provisioner.activate(reservation, { id: admin.id, emailHash: emailHash(services.keyring, email) })
    orderNextSpare(services)
    return prepared
  } catch (error) {
    await undo(services, reservation)
    throw error
  }
}

/** Making a database takes a processor for a while: it waits until the sign-ups that came together are done. */
const nextSpareAfterMs = 2_000
/** Of those the sign-ups that come within this time order together. */
const gatherMs = 1_000

/** Nobody waits for it. */
function orderNextSpare ({ jobs, log, clock }: Services): void {
  const runAt = new Date(clock.now().getTime() + nextSpareAfterMs)
  jobs.enqueueOnce(refillSparesJob, {}, { key: refillSparesJob.name, runAt, keepTime: true }, gatherMs, (error) => {
    log.warn({ err: error }, 'the next spare was not ordered; the next sign-up orders it')
  })
}

/** A lease for each write, so that no connection is held through the hash. */
async function withReserved (services: Services, { tenant }: Reservation, use: (db: TenantDb) => Promise<void>): Promise<void> {
  const lease = await services.tenancy.leaseOf(tenant)
  try {
    await use(lease.db)
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
