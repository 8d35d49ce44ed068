// A carrier for tests of the ingress: makes events, signs them as Telnyx does, and posts them into the app without a network.
import { randomUUID } from 'node:crypto'
import { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { loadSigningKey } from '../../src/sandbox/carrier/signing-key.js'

export const signingKey = loadSigningKey()

export interface Posting {
  path?: string
  body: string
  /** Unix seconds; now when absent. */
  timestamp?: number | string
  signature?: string
}

export async function post (app: FastifyInstance, { path = '/webhooks/telnyx', body, timestamp = Math.floor(Date.now() / 1000), signature }: Posting): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'POST',
    url: path,
    headers: {
      'content-type': 'application/json',
      'telnyx-timestamp': String(timestamp),
      'telnyx-signature-ed25519': signature ?? signingKey.sign(String(timestamp), body)
    },
    body
  })
}

/** An event as the carrier writes it. `payload` is laid over the rest. */
export function eventBody (type: string, payload: Record<string, unknown>, id: string = randomUUID()): string {
  return JSON.stringify({
    data: { event_type: type, id, occurred_at: new Date().toISOString(), payload: { id: randomUUID(), ...payload }, record_type: 'event' },
    meta: { attempt: 1, delivered_to: 'https://service.example/webhooks/telnyx' }
  })
}

export function inboundBody ({ from, to, text, id, messageId = randomUUID(), receivedAt = new Date().toISOString(), ...rest }: {
  from: string, to: string, text: string, id?: string, messageId?: string, receivedAt?: string, media?: unknown[], autoresponse_type?: string
}): string {
  return eventBody('message.received', {
    id: messageId,
    direction: 'inbound',
    type: 'SMS',
    from: { phone_number: from, carrier: 'Test Wireless', line_type: 'long_code' },
    to: [{ phone_number: to, status: 'webhook_delivered' }],
    text,
    media: [],
    received_at: receivedAt,
    ...rest
  }, id)
}
