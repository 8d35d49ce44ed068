// The API's table of contents: what cuts across, then four scopes and the features in each. Access is the scope a route sits in.
import cookie from '@fastify/cookie'
import jwt from '@fastify/jwt'
import { type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import authentication from './http/authentication.js'
import problems from './http/problems.js'
import tenantDatabase from './http/tenant-database.js'
import { validatorCompiler } from './http/validation.js'
import { type Services } from './services.js'

declare module 'fastify' {
  interface FastifyInstance { services: Services }
}

export async function buildApp (services: Services): Promise<FastifyInstance> {
  const { config, log } = services
  const app = Fastify({
    loggerInstance: log,
    trustProxy: config.TRUST_PROXY,
    disableRequestLogging: true,
    bodyLimit: 1024 * 1024,
    requestIdHeader: false
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.decorate('services', services)

  await app.register(problems)
  await app.register(cookie)
  await app.register(jwt, { secret: config.JWT_SECRET, sign: { algorithm: 'HS256', expiresIn: `${config.ACCESS_TOKEN_SECONDS}s` }, verify: { algorithms: ['HS256'], cache: 10_000 } })

  await app.register(publicScope)
  await app.register(tenantScope, { prefix: '/api' })
  await app.register(webhookScope, { prefix: '/webhooks' })
  await app.register(metricsScope)
  return app
}

/** Open to everyone: sign-up, sign-in, health, the API's description. */
async function publicScope (_scope: FastifyInstance): Promise<void> {
}

/** One organization's own: every request carries a valid access token, and gets that organization's database. */
async function tenantScope (scope: FastifyInstance): Promise<void> {
  await scope.register(authentication)
  await scope.register(tenantDatabase)
}

/** Carriers and payment providers: raw bytes and a signature, no token. */
async function webhookScope (_scope: FastifyInstance): Promise<void> {
}

/** The operator's: a token of its own. */
async function metricsScope (_scope: FastifyInstance): Promise<void> {
}
