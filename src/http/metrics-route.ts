// What the operator's monitoring reads: GET /metrics by server, and GET /metrics/tenants, the busiest tenants of this process.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { hashToken } from '../crypto/tokens.js'
import { problem } from '../errors.js'
import { measures } from '../tenancy/busiest-tenants.js'
import { registryGauges } from './registry-gauges.js'
import { tenancyGauges } from './tenancy-gauges.js'

const TopQuery = Type.Object({
  by: Type.Enum([...measures], { default: 'requests' }),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })
}, { additionalProperties: false })

export async function metricsRoute (app: FastifyInstance): Promise<void> {
  const { services } = app
  const { registry } = services.metrics
  const expected = hashToken(services.config.OPERATOR_TOKEN)
  // By which whoever asks at two addresses sees that they lead to one process.
  const process = randomUUID()
  const [ofTenancy, ofRegistry] = [tenancyGauges(services), registryGauges(services)]

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    requireOperator(request, expected)
    ofTenancy()
    await ofRegistry()
    return await reply.type(registry.contentType).send(await registry.metrics())
  })

  app.get<{ Querystring: Type.Static<typeof TopQuery> }>('/metrics/tenants', { schema: { hide: true, querystring: TopQuery } }, async (request) => {
    requireOperator(request, expected)
    const { by, limit } = request.query
    return { process, tenants: services.tenancy.busiest(by, limit) }
  })
}

function requireOperator ({ headers }: FastifyRequest, expected: Buffer): void {
  const token = /^Bearer +([^ ]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  if (!timingSafeEqual(hashToken(token), expected)) {
    throw problem('AUTHENTICATION_REQUIRED', { detail: 'Send Authorization: Bearer <OPERATOR_TOKEN>; the setting holds the token.' })
  }
}
