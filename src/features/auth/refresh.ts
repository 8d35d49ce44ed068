// Turns a refresh token into the next one. A token used twice was copied: everything that came of it ends.
import { type Problem, problem } from '../../errors.js'
import { type SessionStates } from '../../http/session-states.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { readRefreshToken } from './refresh-token.js'
import { insertAudit, insertRotatedToken, revokeSessions, useRefreshToken } from './queries.js'
import { type Admin } from './schemas.js'
import { type Caller, newSession, type Session } from './session.js'

export interface Refreshed { tenantId: TenantId, role: Admin['role'], session: Session }

/** @throws Problem REFRESH_TOKEN_INVALID for any token that is not the newest of a good session; TENANT_SUSPENDED */
export async function refresh (services: Services, states: SessionStates, token: string, caller: Caller): Promise<Refreshed> {
  const read = readRefreshToken(token)
  if (read === undefined) throw problem('REFRESH_TOKEN_INVALID')
  const { tenantId, hash } = read
  const result = await services.tenancy.withTenant(tenantId, async (db) => await rotate(services, db, tenantId, hash, caller)).catch(hideUnknownTenant)
  if ('session' in result) return result
  await states.announceRevoked(result.revoked.map((sessionId) => ({ tenantId, sessionId })))
  throw problem('REFRESH_TOKEN_INVALID')
}

async function rotate (services: Services, db: TenantDb, tenantId: TenantId, hash: Buffer, caller: Caller): Promise<Refreshed | { revoked: string[] }> {
  const now = services.clock.now()
  return await db.transaction().execute(async (trx) => {
    const use = await useRefreshToken(trx, hash, now)
    switch (use.outcome) {
      case 'refused': return { revoked: [] }
      case 'reused': {
        const revoked = await revokeSessions(trx, { familyId: use.familyId }, now)
        await insertAudit(trx, 'auth.refresh_token_reused', use, caller)
        return { revoked }
      }
      case 'rotated': {
        const session = newSession(services, tenantId, use.adminId, use.familyId)
        await insertRotatedToken(trx, session, caller)
        return { tenantId, role: use.role, session }
      }
    }
  })
}

function hideUnknownTenant (error: unknown): never {
  throw (error as Partial<Problem>).code === 'TENANT_NOT_FOUND' ? problem('REFRESH_TOKEN_INVALID', { cause: error }) : error
}
