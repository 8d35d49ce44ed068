// The API's table of contents: what cuts across, then four scopes and the features in each. Access is the scope a route sits in.
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import jwt from '@fastify/jwt'
import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { adminRoutes } from './features/admins/routes.js'
import { authRoutes, signInRoutes } from './features/auth/routes.js'
import { branchRoutes } from './features/branches/routes.js'
import { conversationRoutes } from './features/conversations/routes.js'
import { sharedConversationRoutes } from './features/conversations/shared-routes.js'
import { deadLetterRoutes } from './features/dead-letters/routes.js'
import { eventRoutes } from './features/events/routes.js'
import { keywordRoutes } from './features/keywords/routes.js'
import { mediaLinkRoutes } from './features/media/link-routes.js'
import { mediaRoutes } from './features/media/routes.js'
import { memberExportRoutes } from './features/members/export/routes.js'
import { memberImportRoutes } from './features/members/imports/routes.js'
import { memberRoutes } from './features/members/routes.js'
import { messageRoutes } from './features/messages/routes.js'
import { quietHourRoutes } from './features/quiet-hours/routes.js'
import { recurringRoutes } from './features/recurring/routes.js'
import { numberRoutes } from './features/numbers/routes.js'
import { segmentRoutes } from './features/segments/routes.js'
import { settingsRoutes } from './features/settings/routes.js'
import { tagRoutes } from './features/tags/routes.js'
import { templateRoutes } from './features/templates/routes.js'
import { topicRoutes } from './features/topics/routes.js'
import authentication from './http/authentication.js'
import closeConnections from './http/close-connections.js'
import { takeEmptyBodies } from './http/empty-bodies.js'
import { healthRoutes } from './http/health.js'
import idempotency from './http/idempotency.js'
import { metricsRoute } from './http/metrics-route.js'
import { documentationRoutes, openapi } from './http/openapi.js'
import problems, { answerFrameworkError } from './http/problems.js'
import rateLimits from './http/rate-limits.js'
import requestLog from './http/request-log.js'
import requestTracing from './http/request-tracing.js'
import securityHeaders from './http/security-headers.js'
import sessionCheck, { sessionStates } from './http/session-check.js'
import tenantDatabase from './http/tenant-database.js'
import { serializerCompiler } from './http/serialization.js'
import { validatorCompiler } from './http/validation.js'
import { type Services } from './services.js'
import { webhookRoutes } from './webhooks/routes.js'

declare module 'fastify' {
  interface FastifyInstance { services: Services }
}

// By themselves pages of other origins may neither change nor delete, nor see any of these.
const corsMethods = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE']
const corsExposed = ['X-Request-Id', 'Retry-After', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Idempotency-Replayed']

export async function buildApp (services: Services): Promise<FastifyInstance> {
  const { config } = services
  const logger: FastifyBaseLogger = services.log
  const app = Fastify({
    loggerInstance: logger,
    trustProxy: config.TRUST_PROXY,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: 1024 * 1024,
    // A status token is longer than the 100 characters that a parameter may have by default.
    routerOptions: { maxParamLength: 500 },
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    frameworkErrors: answerFrameworkError
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  takeEmptyBodies(app)
  app.decorate('services', services)

  await app.register(closeConnections)
  await app.register(problems)
  await app.register(requestLog)
  await app.register(requestTracing)
  await app.register(openapi)
  await app.register(securityHeaders)
  const origins = config.CORS_ORIGINS.split(',').map((origin) => origin.trim()).filter((origin) => origin !== '')
  if (origins.length > 0) await app.register(cors, { origin: origins, credentials: true, methods: corsMethods, exposedHeaders: corsExposed })
  await app.register(cookie)
  await app.register(jwt, {
    secret: config.JWT_SECRET,
    sign: { algorithm: 'HS256', expiresIn: `${config.ACCESS_TOKEN_SECONDS}s` },
    verify: { algorithms: ['HS256'], requiredClaims: ['exp', 'tid', 'sub', 'sid'] }
  })
  await app.register(sessionStates)

  await app.register(publicScope)
  await app.register(tenantScope, { prefix: '/api' })
  await app.register(webhookScope, { prefix: '/webhooks' })
  await app.register(metricsScope)
  return app
}

/** Open to everyone: sign-up, sign-in, health, the API's description, and files at a signed address. */
async function publicScope (scope: FastifyInstance): Promise<void> {
  await scope.register(healthRoutes)
  await scope.register(documentationRoutes)
  await scope.register(signInRoutes, { prefix: '/api/auth' })
  await scope.register(mediaLinkRoutes)
}

/** One organization's own: every request carries a valid access token, and gets that organization's database. */
async function tenantScope (scope: FastifyInstance): Promise<void> {
  await scope.register(authentication)
  await scope.register(rateLimits, {
    max: scope.services.config.RATE_LIMIT_PER_MINUTE,
    callerOf: (request) => `${request.actor.tenantId} ${request.actor.adminId}`
  })
  await scope.register(idempotency)
  await scope.register(tenantDatabase)
  await scope.register(sessionCheck)

  await scope.register(authRoutes, { prefix: '/auth' })
  await scope.register(adminRoutes)
  await scope.register(branchRoutes)
  await scope.register(memberRoutes)
  await scope.register(memberImportRoutes)
  await scope.register(memberExportRoutes)
  await scope.register(tagRoutes)
  await scope.register(topicRoutes)
  await scope.register(segmentRoutes)
  await scope.register(templateRoutes)
  await scope.register(numberRoutes)
  await scope.register(settingsRoutes)
  await scope.register(keywordRoutes)
  await scope.register(conversationRoutes)
  await scope.register(sharedConversationRoutes)
  await scope.register(messageRoutes)
  await scope.register(recurringRoutes)
  await scope.register(quietHourRoutes)
  await scope.register(mediaRoutes)
  await scope.register(deadLetterRoutes)
  await scope.register(eventRoutes)
}

/** Carriers and payment providers: raw bytes and a signature, no token. */
async function webhookScope (scope: FastifyInstance): Promise<void> {
  await scope.register(webhookRoutes)
}

/** The operator's: a token of its own. */
async function metricsScope (scope: FastifyInstance): Promise<void> {
  await scope.register(metricsRoute)
}
