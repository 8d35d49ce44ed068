// Keeps a route to some of the roles: put it in the route's preHandler.
import { type preHandlerHookHandler } from 'fastify'
import { problem } from '../errors.js'
import { type AdminRole } from './authentication.js'

export function requireRole (...roles: [AdminRole, ...AdminRole[]]): preHandlerHookHandler {
  return (request, _reply, done) => {
    done(roles.includes(request.actor.role) ? undefined : problem('ROLE_INSUFFICIENT'))
  }
}
