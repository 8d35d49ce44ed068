// Refuses access tokens whose session has ended or whose admin is disabled, although the signature is still good.
import { type FastifyInstance } from 'fastify'
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
