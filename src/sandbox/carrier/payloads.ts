// A text in the words of Telnyx: the payload of API answers and of events.
import type { Message, MessageStatus } from './model.js'
import { errorTitle } from './telnyx-error.js'

/** US dollars a part, for show. */
const rates = { SMS: { rate: 0.004, carrierFee: 0.003 }, MMS: { rate: 0.015, carrierFee: 0.007 } }

/**
 * The payload of a text as it stands, or as it stood in an earlier status.
 * An event that waited in the queue tells of its own moment, not of the present.
 */
export function messagePayload (message: Message, status: MessageStatus = message.status) {
  return message.direction === 'outbound' ? outbound(message, status) : inbound(message)
}

function outbound (message: Message, status: MessageStatus) {
  const { sentAt, completedAt } = message
  return {
    ...common(message),
    from: { phone_number: message.from, carrier: 'Telnyx', line_type: 'Wireless' },
    to: [{ phone_number: message.to, status, carrier: 'Sandbox Wireless', line_type: 'Wireless' }],
    errors: isFinal(status) && message.errorCode !== null ? [errorOf(message.errorCode)] : [],
    sent_at: status === 'queued' ? null : sentAt,
    completed_at: isFinal(status) ? completedAt : null,
    valid_until: new Date(Date.parse(message.createdAt) + 3_600_000).toISOString(),
    webhook_url: message.webhookUrl,
    webhook_failover_url: message.webhookFailoverUrl,
    wait_seconds: 0,
    smart_encoding_applied: false
  }
}

function inbound (message: Message) {
  return {
    ...common(message),
    from: { phone_number: message.from, carrier: 'Sandbox Wireless', line_type: 'Wireless', status: 'received' },
    to: [{ phone_number: message.to, status: 'webhook_delivered', carrier: 'Telnyx', line_type: 'Wireless' }],
    cc: [],
    errors: [],
    sent_at: null,
    completed_at: null,
    valid_until: null,
    webhook_url: null,
    webhook_failover_url: null
  }
}

function common (message: Message) {
  const type = message.mediaUrls.length > 0 ? 'MMS' as const : 'SMS' as const
  const { rate, carrierFee } = rates[type]
  return {
    record_type: 'message',
    direction: message.direction,
    id: message.id,
    type,
    messaging_profile_id: message.profileId,
    text: message.text,
    media: message.mediaUrls.map((url, index) => {
      const kept = message.media?.[index]
      return { url, content_type: kept?.type ?? null, sha256: kept?.file.slice(0, 64) ?? null, size: kept?.size ?? null }
    }),
    parts: message.parts,
    encoding: message.encoding,
    cost: { amount: ((rate + carrierFee) * message.parts).toFixed(4), currency: 'USD' },
    cost_breakdown: {
      rate: { amount: rate.toFixed(5), currency: 'USD' },
      carrier_fee: { amount: carrierFee.toFixed(5), currency: 'USD' }
    },
    received_at: message.createdAt,
    subject: null,
    tags: [],
    tcr_campaign_id: null,
    tcr_campaign_billable: false,
    tcr_campaign_registered: null
  }
}

function isFinal (status: MessageStatus): boolean {
  return status !== 'queued' && status !== 'sent'
}

function errorOf (code: string) {
  return { code, title: errorTitle(code), detail: `${errorTitle(code)}.` }
}
