// A span for each request, by route pattern: never the URL itself, whose query may hold a phone number.
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type OpenSpan } from '../tracing.js'

const opened: unique symbol = Symbol('span')

declare module 'fastify' {
  interface FastifyRequest { [opened]: OpenSpan | null }
}

/** What asks every few seconds whether we live tells nobody anything. */
const untraced = /^\/(health|metrics)/

export default fp(async (app: FastifyInstance) => {
  const { tracing, config } = app.services
  if (tracing === undefined) return
  app.decorateRequest(opened, null)
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    if (untraced.test(route)) {
      done()
      return
    }
    const { traceparent } = request.headers
    // Else whoever calls from outside could decide what is recorded.
    const trusted = config.TRUST_PROXY && typeof traceparent === 'string' ? traceparent : undefined
    const span = tracing.request(`${request.method} ${route}`, { 'http.request.method': request.method, 'http.route': route, 'koinonia.request.id': request.id }, trusted)
    request[opened] = span
    span.within(done)
  })
  // A body's last chunk comes by the socket, which knows nothing of the request it is read for.
  app.addHook('preValidation', (request, _reply, done) => {
    const span = request[opened]
    if (span === null) done()
    else span.within(done)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const tenantId = (request as Partial<FastifyRequest>).actor?.tenantId
    request[opened]?.end({
      'http.response.status_code': reply.statusCode, ...(tenantId === undefined ? {} : { 'koinonia.tenant.id': tenantId })
    }, reply.statusCode >= 500)
    done()
  })
}, { name: 'request-tracing' })
