// /api/auth: signing up, in and out, and who one is.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { csrfToken } from '../../http/csrf.js'
import { idempotencyKeyOf, idempotencyProblems, markReplayed, requestText } from '../../http/idempotency-key.js'
import { requireOwnOrigin } from '../../http/require-own-origin.js'
import { tenantProblems } from '../../http/tenant-database.js'
import { deliver, describeSignedIn, describeTokens } from './answer-tokens.js'
import { clearSessionCookies, refreshCookie } from './cookies.js'
import { endSessions } from './end-sessions.js'
import { countSignUp } from './limit-attempts.js'
import { login } from './login.js'
import { describeMe } from './me.js'
import { refresh } from './refresh.js'
import { register, type SignedIn as SignedInFacts } from './register.js'
import { registerOnce } from './register-once.js'
import { readRegistration } from './registration.js'
import { CsrfToken, LoginBody, LogoutBody, Me, RefreshBody, Refreshed, RegisterBody, SignedIn } from './schemas.js'
import { type Caller } from './session.js'

/** Open to everyone who is not a page of another site. */
export const signInRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app
  app.addHook('onRequest', requireOwnOrigin(services.config))

  app.post('/register', {
    schema: {
      operationId: 'register',
      tags: ['auth'],
      summary: 'Sign up an organization',
      description: 'Makes the organization, its own database and its primary admin, who is signed in at once. Send an Idempotency-Key: then asking again makes no second one, and answers the same tokens and cookies as long as the session has not been refreshed.',
      body: RegisterBody,
      response: { 201: SignedIn }
    },
    config: { errors: ['RATE_LIMITED', 'ORIGIN_NOT_ALLOWED', 'SIGN_UP_UNAVAILABLE', 'SIGN_UP_SESSION_USED', ...idempotencyProblems, ...tenantProblems] }
  }, async (request, reply) => {
    const { answer, replayed } = await signUp(app, request, request.body)
    if (replayed) markReplayed(reply)
    return reply.status(201).send(deliver(app, reply, answer, request.body.tokenDelivery))
  })

  app.post('/login', {
    schema: {
      operationId: 'login',
      tags: ['auth'],
      summary: 'Sign in',
      description: 'When the e-mail and password fit several organizations, the answer is 409 ORGANIZATION_CHOICE_REQUIRED with `organizations`: send the tenantId of one of them.',
      body: LoginBody,
      response: { 200: SignedIn }
    },
    config: { errors: ['CREDENTIALS_INVALID', 'ORGANIZATION_CHOICE_REQUIRED', 'TENANT_SUSPENDED', 'RATE_LIMITED', 'ORIGIN_NOT_ALLOWED', 'TENANT_BEHIND', 'DATABASE_UNAVAILABLE'] }
  }, async (request, reply) => {
    const signedIn = await login(services, request.body, callerOf(request))
    return deliver(app, reply, describeSignedIn(app, signedIn), request.body.tokenDelivery)
  })

  app.post('/refresh', {
    schema: {
      operationId: 'refreshSession',
      tags: ['auth'],
      summary: 'Trade the refresh token for new tokens',
      description: 'Takes refreshToken from the body and answers the next one there, or else takes the cookie and sets new ones. Each refresh token is good once: using one again ends the session, so let one tab refresh for all.',
      body: RefreshBody,
      response: { 200: Refreshed }
    },
    config: { errors: ['REFRESH_TOKEN_INVALID', 'TENANT_SUSPENDED', 'ORIGIN_NOT_ALLOWED', 'TENANT_BEHIND', 'DATABASE_UNAVAILABLE'] }
  }, async (request, reply) => {
    const given = request.body?.refreshToken
    const token = given ?? request.cookies[refreshCookie]
    if (token === undefined) throw problem('REFRESH_TOKEN_INVALID', { detail: 'Send the refresh token, as the cookie or as refreshToken, or sign in with POST /api/auth/login.' })
    const refreshed = await refresh(services, app.sessionStates, token, callerOf(request))
    return deliver(app, reply, describeTokens(app, refreshed), given === undefined ? 'cookie' : 'body')
  })
}

/** For the admin who is signed in. */
export const authRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app

  app.get('/me', {
    schema: { operationId: 'getMe', tags: ['auth'], summary: 'Who is signed in, and to which organization', response: { 200: Me } }
  }, async (request) => await describeMe(services, request))

  app.get('/csrf-token', {
    schema: { operationId: 'getCsrfToken', tags: ['auth'], summary: 'The token that callers by cookie send as X-CSRF-Token', response: { 200: CsrfToken } }
  }, (request) => ({ csrfToken: csrfToken(services.keyring, request.actor.sessionId) }))

  app.post('/logout', {
    schema: {
      operationId: 'logout',
      tags: ['auth'],
      summary: 'Sign out',
      description: 'Access and refresh tokens of the session are refused from now on, also in other processes; cookies are cleared.',
      body: LogoutBody,
      response: { 204: Type.Null() }
    }
  }, async (request, reply) => {
    const { tenantId, adminId, sessionId } = request.actor
    const which = request.body?.everywhere === true ? { adminId } : { familyId: sessionId }
    await endSessions(services, app.sessionStates, { db: request.db, tenantId, adminId, which, caller: callerOf(request) })
    clearSessionCookies(reply, services.config)
    return reply.status(204).send(null)
  })
}

/** Without a key the registry is asked nothing more than a sign-up needs. */
async function signUp (app: FastifyInstance, request: FastifyRequest, body: RegisterBody) {
  const registration = readRegistration(body)
  const key = idempotencyKeyOf(request)
  // Before the key is looked at, so that nobody tries passwords on one without being counted.
  await countSignUp(app.services, request.ip)
  const describe = (signedIn: SignedInFacts) => describeSignedIn(app, signedIn)
  if (key === undefined) return { answer: await register(app.services, registration, callerOf(request), describe), replayed: false }
  return await registerOnce(app.services, { key, requestText: requestText(request) }, registration, callerOf(request), describe)
}

function callerOf (request: FastifyRequest): Caller & { address: string } {
  return { address: request.ip, userAgent: request.headers['user-agent']?.slice(0, 300) ?? null, requestId: request.id }
}
