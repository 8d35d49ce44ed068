// One log line for each answered request: route pattern, status, time, tenant. Never the URL itself, whose query may hold a phone number.
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

export default fp(async (app: FastifyInstance) => {
  const { httpDuration } = app.services.metrics
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    const milliseconds = reply.elapsedTime
    httpDuration.observe({ method: request.method, route, status: reply.statusCode }, milliseconds / 1000)
    request.log.info({ method: request.method, route, status: reply.statusCode, ms: Math.round(milliseconds), tenantId: (request as Partial<FastifyRequest>).actor?.tenantId }, 'answered')
    done()
  })
}, { name: 'request-log' })
