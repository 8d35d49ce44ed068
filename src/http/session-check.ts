// Refuses access tokens whose session has ended or whose admin is disabled, although the signature is still good.
import { type FastifyInstance, type preValidationAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { problem } from '../errors.js'
import { everyRouteMayAnswer } from './openapi.js'
import { SessionStates } from './session-states.js'

declare module 'fastify' {
  interface FastifyInstance { sessionStates: SessionStates }
}

/** For the whole application: signing out and refreshing tell it what they revoke. */
export const sessionStates = fp(async (app: FastifyInstance) => {
  const states = new SessionStates(app.services.registry, app.services.listener)
  everyRouteMayAnswer(app, ['SESSION_REVOKED'])
  app.decorate('sessionStates', states)
  app.addHook('onClose', async () => { states.close() })
}, { name: 'session-states' })

/**
 * For a route that reads an upload before it leases a connection: asks whether the session is good, on a lease that is given back
 * before the first byte is read. Put it first in the route's preValidation. Who is refused gets no further byte read.
 */
export function checkSessionBeforeUpload (app: FastifyInstance): preValidationAsyncHookHandler {
  const { sessionStates: states, services } = app
  return async ({ actor }, reply) => {
    try {
      const role = await services.tenancy.withTenant(actor.tenantId, async (db) => states.peek(actor) ?? await states.find(db, actor))
      if (role === undefined) throw problem('SESSION_REVOKED')
      actor.role = role
    } catch (error) {
      reply.header('connection', 'close')
      throw error
    }
  }
}

/** Runs on the request's own lease. The role is the database's, so a demotion does not wait for the token to expire. */
export default fp(async (app: FastifyInstance) => {
  const states = app.sessionStates
  app.addHook('preHandler', (request, _reply, done) => {
    const { actor } = request
    const role = states.peek(actor)
    if (role !== undefined) {
      actor.role = role
      done()
      return
    }
    states.find(request.db, actor).then((found) => {
      if (found === undefined) {
        done(problem('SESSION_REVOKED'))
        return
      }
      actor.role = found
      done()
    }, done)
  })
}, { name: 'session-check', dependencies: ['session-states', 'tenant-database'] })
