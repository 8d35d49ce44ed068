// Who is asking: turns an access token, from the Authorization header or the cookie, into `request.actor`.
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { problem } from '../errors.js'
import { isTenantId, type TenantId } from '../tenancy/tenant.js'

export type AdminRole = 'primary' | 'co_admin' | 'staff'

/** What an access token says. `sid` is the session family. */
export interface AccessClaims { tid: string, sub: string, sid: string, role: AdminRole }

export interface Actor {
  tenantId: TenantId
  adminId: string
  sessionId: string
  role: AdminRole
  via: 'bearer' | 'cookie'
}

export const accessCookie = 'koinonia_access'

declare module 'fastify' {
  interface FastifyRequest { actor: Actor }
}

declare module '@fastify/jwt' {
  interface FastifyJWT { payload: AccessClaims, user: AccessClaims }
}

/** Refuses every request of its scope that carries no valid access token. */
export default fp(async (app: FastifyInstance) => {
  app.decorateRequest('actor')
  app.addHook('onRequest', (request, _reply, done) => {
    const found = findToken(request)
    if (found === undefined) {
      done(problem('AUTHENTICATION_REQUIRED'))
      return
    }
    app.jwt.verify<AccessClaims>(found.token, (error: (Error & { code?: string }) | null, claims?: AccessClaims) => {
      if (error !== null || claims === undefined || !isTenantId(claims.tid)) {
        done(problem(error?.code === 'FAST_JWT_EXPIRED' ? 'ACCESS_TOKEN_EXPIRED' : 'ACCESS_TOKEN_INVALID', { cause: error }))
        return
      }
      request.actor = { tenantId: claims.tid, adminId: claims.sub, sessionId: claims.sid, role: claims.role, via: found.via }
      done()
    })
  })
}, { name: 'authentication', dependencies: ['@fastify/jwt', '@fastify/cookie'] })

function findToken (request: FastifyRequest): { token: string, via: Actor['via'] } | undefined {
  const header = request.headers.authorization
  if (header !== undefined) {
    const token = /^Bearer +([^ ]+)$/i.exec(header)?.[1]
    return token === undefined ? undefined : { token, via: 'bearer' }
  }
  const cookie = request.cookies[accessCookie]
  return cookie === undefined ? undefined : { token: cookie, via: 'cookie' }
}
