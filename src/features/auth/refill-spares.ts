// The stock of spares, each of those next in line with a connection on which a sign-up has been rehearsed.
import { uuidv7 } from '../../crypto/uuid.js'
import { type Subscription } from '../../registry/listener.js'
import { type Services } from '../../services.js'
import { type Provisioner, type Refill } from '../../tenancy/provisioner.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { seedTemplates } from '../templates/default-templates.js'
import { insertFirstAdmin, updatePasswordHash } from './queries.js'
import { type Admin } from './schemas.js'
import { newSession } from './session.js'

type Needs = Pick<Services, 'config' | 'clock'>

export async function refillSpares (services: Needs & { provisioner: Pick<Provisioner, 'refillSpares'> }): Promise<Refill> {
  return await services.provisioner.refillSpares((db) => rehearseSignUp(services, db))
}

/** For a process that takes sign-ups, until the subscription is closed. */
export function keepSparesWarm (services: Pick<Services, 'provisioner' | 'listener' | 'config' | 'clock'>): Subscription {
  return services.provisioner.keepSparesWarm(services.listener, (db) => rehearseSignUp(services, db))
}

const rolledBack = new Error('The rehearsal is over')
const nobody = { address: null, userAgent: null, requestId: null }

/**
 * The three statements of `register`, rolled back: the server has then loaded what it must know of the tables, and the
 * connection has them prepared. A sign-up that takes the spare meanwhile waits for the end of it, some milliseconds.
 */
async function rehearseSignUp (services: Needs, db: TenantDb): Promise<void> {
  const admin: Admin = { id: uuidv7(services.clock.now().getTime()), email: '', firstName: '', lastName: '', role: 'primary' }
  const session = newSession(services, 'rehearsal' as TenantId, admin.id)
  const rehearsing = db.transaction().execute(async (trx) => {
    await insertFirstAdmin(trx, { admin, session, caller: nobody })
    await seedTemplates(trx, 'church')
    await updatePasswordHash(trx, admin.id, '')
    throw rolledBack
  })
  await rehearsing.catch((error: unknown) => {
    // Of an admin that is there already: the spare has been taken meanwhile.
    if (error !== rolledBack && violatedConstraint(error) !== 'admins_one_primary') throw error
  })
}
