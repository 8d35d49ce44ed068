// Refresh tokens: random, stored only as hashes, and naming their tenant, so that one look-up finds the session.
import { hashToken, randomToken } from '../../crypto/tokens.js'
import { isTenantId, type TenantId } from '../../tenancy/tenant.js'

export interface RefreshToken { token: string, hash: Buffer }

export function mintRefreshToken (tenantId: TenantId): RefreshToken {
  const token = `${tenantId}.${randomToken()}`
  return { token, hash: hashToken(token) }
}

/** Whose it claims to be; undefined for what was never a refresh token. */
export function readRefreshToken (token: string): { tenantId: TenantId, hash: Buffer } | undefined {
  const tenantId = token.slice(0, Math.max(token.indexOf('.'), 0))
  return isTenantId(tenantId) ? { tenantId, hash: hashToken(token) } : undefined
}
