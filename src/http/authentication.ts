// Who is asking: turns an access token, from the Authorization header or the cookie, into `request.actor`.
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { problem, Problem } from '../errors.js'
import { isTenantId, type TenantId } from '../tenancy/tenant.js'
import { csrfHeader, csrfTokenFits } from './csrf.js'
import { everyRouteMayAnswer } from './openapi.js'

export type AdminRole = 'primary' | 'co_admin' | 'staff'

/** What an access token says. `sid` is the session family. */
export interface AccessClaims { tid: string, sub: string, sid: string, role: AdminRole }

export interface Actor {
  tenantId: TenantId
  adminId: string
  sessionId: string
  role: AdminRole
  via: 'bearer' | 'cookie'
  /** When the access token ends, in milliseconds since 1970. */
  expiresAt: number
}

/** What a token's signature vouches for. */
type Verified = Omit<Actor, 'via'>

export const accessCookie = 'koinonia_access'

const rememberedTokens = 10_000
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

declare module 'fastify' {
  interface FastifyRequest { actor: Actor }
}

declare module '@fastify/jwt' {
  interface FastifyJWT { payload: AccessClaims, user: AccessClaims }
}

/** Refuses every request of its scope without a valid access token, and unsafe ones by cookie without a CSRF token. */
export default fp(async (app: FastifyInstance) => {
  const { keyring } = app.services
  // By the whole token: one that differs in any character is another one and is verified anew.
  const verified = new LRUCache<string, Verified>({ max: rememberedTokens })

  const admit = (request: FastifyRequest, who: Verified, via: Actor['via']): Problem | undefined => {
    if (who.expiresAt <= Date.now()) return problem('ACCESS_TOKEN_EXPIRED')
    if (via === 'cookie' && !safeMethods.has(request.method) && !csrfTokenFits(keyring, who.sessionId, request.headers[csrfHeader])) {
      return problem('CSRF_TOKEN_INVALID')
    }
    const { tenantId, adminId, sessionId, role, expiresAt } = who
    request.actor = { tenantId, adminId, sessionId, role, via, expiresAt }
    return undefined
  }

  everyRouteMayAnswer(app, ['AUTHENTICATION_REQUIRED', 'ACCESS_TOKEN_EXPIRED', 'ACCESS_TOKEN_INVALID'])
  everyRouteMayAnswer(app, ['CSRF_TOKEN_INVALID'], ({ method }) => ![method].flat().every((one) => safeMethods.has(one)))
  app.addHook('onRoute', (route) => { route.schema = { ...route.schema, security: [{ bearer: [] }, { cookie: [] }] } })
  app.decorateRequest('actor')
  app.addHook('onRequest', (request, _reply, done) => {
    const found = findToken(request)
    if (found === undefined) {
      done(problem('AUTHENTICATION_REQUIRED'))
      return
    }
    let known = verified.get(found.token)
    if (known === undefined) {
      const fresh = verify(app, found.token)
      if (fresh instanceof Problem) {
        done(fresh)
        return
      }
      verified.set(found.token, fresh)
      known = fresh
    }
    done(admit(request, known, found.via))
  })
}, { name: 'authentication', dependencies: ['@fastify/jwt', '@fastify/cookie'] })

function verify (app: FastifyInstance, token: string): Verified | Problem {
  try {
    const claims = app.jwt.verify<AccessClaims & { exp: number }>(token)
    if (!isTenantId(claims.tid)) return problem('ACCESS_TOKEN_INVALID')
    return { tenantId: claims.tid, adminId: claims.sub, sessionId: claims.sid, role: claims.role, expiresAt: claims.exp * 1000 }
  } catch (error) {
    const expired = error instanceof Error && 'code' in error && error.code === 'FAST_JWT_EXPIRED'
    return problem(expired ? 'ACCESS_TOKEN_EXPIRED' : 'ACCESS_TOKEN_INVALID', { cause: error })
  }
}

function findToken (request: FastifyRequest): { token: string, via: Actor['via'] } | undefined {
  const header = request.headers.authorization
  if (header !== undefined) {
    const token = /^Bearer +([^ ]+)$/i.exec(header)?.[1]
    return token === undefined ? undefined : { token, via: 'bearer' }
  }
  const cookie = request.cookies[accessCookie]
  return cookie === undefined ? undefined : { token: cookie, via: 'cookie' }
}
