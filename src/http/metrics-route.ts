// GET /metrics, what the operator's monitoring reads: everything counted as it goes, and what is looked up when it is asked for.
import { timingSafeEqual } from 'node:crypto'
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import { hashToken } from '../crypto/tokens.js'
import { problem } from '../errors.js'
import { registryGauges } from './registry-gauges.js'
import { tenancyGauges } from './tenancy-gauges.js'

export async function metricsRoute (app: FastifyInstance): Promise<void> {
  const { services } = app
  const { registry } = services.metrics
  const expected = hashToken(services.config.OPERATOR_TOKEN)
  const [ofTenancy, ofRegistry] = [tenancyGauges(services), registryGauges(services)]

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    requireOperator(request, expected)
    ofTenancy()
    await ofRegistry()
    return await reply.type(registry.contentType).send(await registry.metrics())
  })
}

function requireOperator ({ headers }: FastifyRequest, expected: Buffer): void {
  const token = /^Bearer +([^ ]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  if (!timingSafeEqual(hashToken(token), expected)) {
    throw problem('AUTHENTICATION_REQUIRED', { detail: 'Send Authorization: Bearer <OPERATOR_TOKEN>; the setting holds the token.' })
  }
}
