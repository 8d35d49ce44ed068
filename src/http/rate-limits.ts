// How many requests a minute one caller may make, said in the RateLimit headers of every answer.
import rateLimit from '@fastify/rate-limit'
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { problem } from '../errors.js'
import { everyRouteMayAnswer } from './openapi.js'

const windowMilliseconds = 60_000

interface RateLimitOptions {
  /** Requests a minute. */
  max: number
  /** Who is counted: an address, or an admin of a tenant. */
  callerOf: (request: FastifyRequest) => string
}

/** Counts once per request, in its own scope, after authentication where there is one; each process counts for itself. */
export default fp(async (app: FastifyInstance, { max, callerOf }: RateLimitOptions) => {
  everyRouteMayAnswer(app, ['RATE_LIMITED'])
  await app.register(rateLimit, {
    max,
    timeWindow: windowMilliseconds,
    hook: 'preValidation',
    keyGenerator: callerOf,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { ttl }) => problem('RATE_LIMITED', { retryAfter: ttl / 1000 })
  })
}, { name: 'rate-limits' })
