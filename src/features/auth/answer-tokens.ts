// How a session's tokens reach the caller: in the body, or for a browser in cookies.
import { type FastifyInstance, type FastifyReply } from 'fastify'
import { type Static } from 'typebox'
import { csrfToken } from '../../http/csrf.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { setSessionCookies } from './cookies.js'
import { type SignedIn as SignedInFacts } from './register.js'
import { type Admin, type SignedIn, type TokenDelivery } from './schemas.js'
import { type Session } from './session.js'

/** All that a caller is told; the refresh token apart, as it may go as a cookie. */
export interface TokenAnswer<Body> { body: Body, refreshToken: string }
export type SignedInAnswer = TokenAnswer<Static<typeof SignedIn>>

interface Whose { tenantId: TenantId, role: Admin['role'], session: Session }

/** Tells nobody yet: see `deliver`. */
export function describeSignedIn (app: FastifyInstance, { tenantId, admin, organization, session }: SignedInFacts): SignedInAnswer {
  const { body, refreshToken } = describeTokens(app, { tenantId, role: admin.role, session })
  return { refreshToken, body: { ...body, admin, organization, tenantId, trialEndsAt: organization.trialEndsAt } }
}

export function describeTokens (app: FastifyInstance, { tenantId, role, session }: Whose) {
  const { config, keyring } = app.services
  return {
    refreshToken: session.refresh.token,
    body: {
      accessToken: app.jwt.sign({ tid: tenantId, sub: session.adminId, sid: session.familyId, role }),
      expiresIn: config.ACCESS_TOKEN_SECONDS,
      csrfToken: csrfToken(keyring, session.familyId),
      tenantId
    }
  }
}

/** The body to send, once the cookies are set where the caller wants cookies. */
export function deliver<Body extends { accessToken: string }> (
  { services }: FastifyInstance, reply: FastifyReply, { body, refreshToken }: TokenAnswer<Body>, delivery: TokenDelivery = 'cookie'
): Body & { refreshToken?: string } {
  if (delivery === 'body') return { ...body, refreshToken }
  setSessionCookies(reply, services.config, { accessToken: body.accessToken, refreshToken })
  return body
}
