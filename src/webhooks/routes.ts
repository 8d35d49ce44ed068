// The way in for carriers and payment providers: raw bytes, a signature, the ledger, and an answer after its commit.
import { type FastifyInstance } from 'fastify'
import { Problem } from '../errors.js'
import { everyRouteMayAnswer } from '../http/openapi.js'
import { EventLedger } from './event-ledger.js'
import { insertEvents } from './queries.js'
import { takeRawBodies } from './raw-body.js'
import { telnyxRoutes } from './telnyx/routes.js'

export async function webhookRoutes (scope: FastifyInstance): Promise<void> {
  const { metrics, registryPool } = scope.services
  everyRouteMayAnswer(scope, ['WEBHOOK_MALFORMED', 'WEBHOOK_SIGNATURE_INVALID', 'WEBHOOK_STALE', 'WEBHOOK_NOT_CONFIGURED', 'WEBHOOK_OVERLOADED'])
  takeRawBodies(scope)
  const ledger = new EventLedger(async (events) => {
    const fresh = await insertEvents(registryPool, events)
    metrics.webhooks.inc({ provider: 'telnyx', outcome: 'recorded' }, fresh)
    metrics.webhooks.inc({ provider: 'telnyx', outcome: 'duplicate' }, events.length - fresh)
  })
  scope.addHook('onError', async (_request, _reply, error) => {
    metrics.webhooks.inc({ provider: 'telnyx', outcome: error instanceof Problem ? error.code.toLowerCase() : 'error' })
  })
  scope.addHook('onClose', () => ledger.close())
  await scope.register(telnyxRoutes, { prefix: '/telnyx', ledger })
}
