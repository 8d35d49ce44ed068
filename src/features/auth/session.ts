// A sign-in on one device: a family of refresh tokens, of which only the newest is good.
import { uuidv7 } from '../../crypto/uuid.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { mintRefreshToken, type RefreshToken } from './refresh-token.js'

/** From where someone signs in; null from the command line. */
export interface Caller { address: string | null, userAgent: string | null, requestId: string | null }

export interface Session {
  /** What access tokens name, as `sid`. */
  familyId: string
  adminId: string
  refresh: RefreshToken
  expiresAt: Date
}

const dayMs = 86_400_000

/** Not stored yet. A refreshed session keeps its `familyId`. */
export function newSession ({ config, clock }: Pick<Services, 'config' | 'clock'>, tenantId: TenantId, adminId: string, familyId?: string): Session {
  const now = clock.now().getTime()
  return {
    familyId: familyId ?? uuidv7(now),
    adminId,
    refresh: mintRefreshToken(tenantId),
    expiresAt: new Date(now + config.REFRESH_TOKEN_DAYS * dayMs)
  }
}
