// Keeps pages of other sites from signing a visitor in, out or up: browsers name the page's origin, other callers name none.
import { type onRequestHookHandler } from 'fastify'
import { type Config } from '../config.js'
import { problem } from '../errors.js'

/** Allows our own host, PUBLIC_URL, CORS_ORIGINS, and callers without an Origin header. */
export function requireOwnOrigin (config: Pick<Config, 'PUBLIC_URL' | 'CORS_ORIGINS'>): onRequestHookHandler {
  const allowed = new Set(config.CORS_ORIGINS.split(',').map((origin) => origin.trim()))
  if (config.PUBLIC_URL !== undefined) allowed.add(new URL(config.PUBLIC_URL).origin)
  return (request, _reply, done) => {
    const { origin } = request.headers
    const own = origin === undefined || allowed.has(origin) || origin === `http://${request.host}` || origin === `https://${request.host}`
    done(own ? undefined : problem('ORIGIN_NOT_ALLOWED'))
  }
}
