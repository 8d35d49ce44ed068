// The carrier's side of webhook ingress, a process of its own: posts delivery events, signed as the carrier signs, no two alike.
import { createPrivateKey, randomBytes, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createKeyring } from '../../../src/crypto/keyring.js'
import { makeStatusToken, statusUrl } from '../../../src/features/messages/status-token.js'
import { isTenantId } from '../../../src/tenancy/tenant.js'
import { MASTER_KEY } from '../../helpers/provisioning-ground.js'
import { drive, type NextRequest, toBytes } from './drive.js'
import { takeOrders } from './orders.js'
import { type LoadReport, rampSeconds, type WebhookOrder } from './targets.js'

/** So many are signed before the measurement; a server that takes more waits for the signing of each further one. */
const signedPerSecond = 6_000

const { privateKey } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as { privateKey: string }
const key = createPrivateKey(privateKey)
const keyring = createKeyring(MASTER_KEY)
const tenantId = `t${randomBytes(8).toString('hex')}`
const messageId = randomUUID()

takeOrders(run)

async function run (order: WebhookOrder): Promise<LoadReport> {
  const { host } = new URL(order.url)
  const stock = Array.from({ length: Math.ceil((order.seconds + rampSeconds) * signedPerSecond) }, () => signedEvent(host))
  return await drive(order, () => stock.pop() ?? signedEvent(host))
}

function signedEvent (host: string): NextRequest {
  if (!isTenantId(tenantId)) throw new TypeError(`${tenantId} cannot be a tenant's id`)
  const url = statusUrl('', makeStatusToken(keyring, { tenantId, messageId, phoneHash: randomBytes(32) }))
  const body = JSON.stringify(delivered(`http://${host}${url}`))
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = sign(null, Buffer.from(`${timestamp}|${body}`), key).toString('base64')
  return { request: toBytes('POST', host, url, { 'telnyx-timestamp': timestamp, 'telnyx-signature-ed25519': signature }, body), group: 'all' }
}

/** As the carrier words it, with all its fields: some 1.3 kB. */
function delivered (target: string) {
  const now = new Date().toISOString()
  return {
    data: {
      event_type: 'message.finalized',
      id: randomUUID(),
      occurred_at: now,
      payload: {
        record_type: 'message',
        direction: 'outbound',
        id: randomUUID(),
        type: 'SMS',
        messaging_profile_id: messageId,
        text: 'Service starts at 10 this Sunday. See you there, and bring a friend!',
        media: [],
        parts: 1,
        encoding: 'GSM-7',
        cost: { amount: '0.0070', currency: 'USD' },
        cost_breakdown: { rate: { amount: '0.00400', currency: 'USD' }, carrier_fee: { amount: '0.00300', currency: 'USD' } },
        received_at: now,
        from: { phone_number: '+16155550100', carrier: 'Telnyx', line_type: 'Wireless' },
        to: [{ phone_number: '+16155550123', status: 'delivered', carrier: 'A Wireless Carrier', line_type: 'Wireless' }],
        errors: [],
        sent_at: now,
        completed_at: now,
        valid_until: now,
        webhook_url: target,
        tags: []
      },
      record_type: 'event'
    },
    meta: { attempt: 1, delivered_to: target }
  }
}
