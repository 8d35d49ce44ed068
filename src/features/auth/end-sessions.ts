// Sign-out: ends one session or all of an admin's, at once and in every process.
import { type SessionStates } from '../../http/session-states.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { insertAudit, revokeSessions } from './queries.js'
import { type Caller } from './session.js'

export interface SessionsToEnd {
  db: TenantDb
  tenantId: TenantId
  /** Who ends them. */
  adminId: string
  which: { familyId: string } | { adminId: string }
  caller: Caller
}

/** Refresh tokens and access tokens of the sessions are refused from now on. */
export async function endSessions ({ clock }: Pick<Services, 'clock'>, states: SessionStates, { db, tenantId, adminId, which, caller }: SessionsToEnd): Promise<void> {
  const ended = await db.transaction().execute(async (trx) => {
    const families = await revokeSessions(trx, which, clock.now())
    for (const familyId of families) await insertAudit(trx, 'auth.sign_out', { familyId, adminId }, caller)
    return families
  })
  await states.announceRevoked(ended.map((sessionId) => ({ tenantId, sessionId })))
}
