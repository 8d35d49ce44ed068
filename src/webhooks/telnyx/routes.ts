// Where Telnyx posts: inbound texts at /telnyx, what became of each text we sent at /telnyx/status/<its token>.
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { type EventLedger } from '../event-ledger.js'
import { readEventId } from './read-event.js'
import { telnyxSignatureCheck } from './verify-signature.js'

const Received = Type.Object({ received: Type.Literal(true) }, { examples: [{ received: true }] })
const schema = {
  tags: ['webhooks'],
  description: 'The body is taken as the bytes that were signed. 200 says that the event is kept for good; it is worked off afterwards, and once only however often it is posted.',
  body: Type.Unknown({
    description: 'An event of the carrier, as it words them.',
    examples: [{ data: { id: '0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70', event_type: 'message.received', occurred_at: '2026-03-01T17:00:00.000Z', payload: {} } }]
  }),
  response: { 200: Received }
}
const routeConfig = { errors: ['WEBHOOK_MALFORMED', 'WEBHOOK_SIGNATURE_INVALID', 'WEBHOOK_STALE', 'BODY_TOO_LARGE', 'WEBHOOK_NOT_CONFIGURED', 'WEBHOOK_OVERLOADED', 'DATABASE_UNAVAILABLE'] } as const

export async function telnyxRoutes (scope: FastifyInstance, { ledger }: { ledger: EventLedger }): Promise<void> {
  const { config, clock } = scope.services
  const check = config.TELNYX_PUBLIC_KEY === undefined ? refuse : telnyxSignatureCheck(config.TELNYX_PUBLIC_KEY, clock)

  const keep = async (request: FastifyRequest, routeToken: string | null): Promise<{ received: true }> => {
    const payload = request.body as Buffer
    await check(request.headers, payload)
    await ledger.record({ provider: 'telnyx', eventId: readEventId(payload), routeToken, payload })
    return { received: true }
  }

  scope.post('/', { schema: { ...schema, operationId: 'receiveTelnyxEvent', summary: 'An inbound text, from the carrier' }, config: routeConfig },
    (request) => keep(request, null))

  scope.post<{ Params: { token: string } }>('/status/:token', {
    schema: { ...schema, operationId: 'receiveTelnyxStatus', summary: 'What became of one text, from the carrier', params: Type.Object({ token: Type.String() }) },
    config: routeConfig
  }, (request) => keep(request, storableToken(request.params.token)))
}

async function refuse (): Promise<void> {
  throw problem('WEBHOOK_NOT_CONFIGURED', { detail: 'TELNYX_PUBLIC_KEY is not set, so no webhook of the carrier can be believed. Set it to the key that the carrier\'s portal shows, and restart.', retryAfter: 60 })
}

/** Our own tokens are short and plain. A signed event at any other path is kept too, with a token that opens nothing, for a person to see. */
function storableToken (token: string): string {
  return /^[\w.-]{1,500}$/.test(token) ? token : ''
}
