// What we read from Telnyx's events: the few fields we need, taken as they come, because real payloads stray from the published schema.
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { problem } from '../../errors.js'
import { type InboundText } from '../../features/conversations/receive-text.js'
import { type DeliveryEvent, type ReportedState } from '../../features/messages/states.js'

const Envelope = Type.Object({
  data: Type.Object({
    // Becomes part of a unique index: short, and without what PostgreSQL's text cannot hold.
    id: Type.String({ pattern: '^[!-~]{1,200}$' }),
    event_type: Type.String(),
    payload: Type.Record(Type.String(), Type.Unknown()),
    occurred_at: Type.Optional(Type.Unknown())
  })
})
const envelope = Compile(Envelope)

/** The id by which deliveries of one event are the same. @throws problem('WEBHOOK_MALFORMED') when the body is no event. */
export function readEventId (body: Buffer): string {
  return readEnvelope(body).data.id
}

function readEnvelope (body: Buffer): Static<typeof Envelope> {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw problem('WEBHOOK_MALFORMED', { detail: 'The body is not JSON.', cause: error })
  }
  if (!envelope.Check(value)) throw problem('WEBHOOK_MALFORMED', { detail: 'The body has no data.id, data.event_type and data.payload as the carrier\'s events have.' })
  return value
}

export type TelnyxEvent =
  /** `to`: all numbers the text went to, of which one is ours. */
  | { kind: 'text', to: string[], text: Omit<InboundText, 'to'> }
  | { kind: 'delivery', news: Omit<DeliveryEvent, 'messageId' | 'phoneHash'> }
  | { kind: 'other', type: string }

/** `now` stands in for times that the event does not tell, or sets in the future. @throws problem('WEBHOOK_MALFORMED') */
export function readEvent (body: Buffer, now: Date): TelnyxEvent {
  const { data } = readEnvelope(body)
  const occurredAt = (...times: unknown[]): Date => firstTime([...times, data.occurred_at], now)
  const { payload } = data
  switch (data.event_type) {
    case 'message.received': return readText(payload, occurredAt(payload['received_at']))
    case 'message.sent': return readDelivery(payload, occurredAt(payload['sent_at']))
    case 'message.finalized': return readDelivery(payload, occurredAt(payload['completed_at'], payload['sent_at']))
    default: return { kind: 'other', type: data.event_type }
  }
}

type Loose = Record<string, unknown>

function readText (payload: Loose, receivedAt: Date): TelnyxEvent {
  const from = textOf(objectOf(payload['from'])['phone_number'])
  const providerMessageId = textOf(payload['id'])
  const to = listOf(payload['to']).flatMap((one) => textOf(objectOf(one)['phone_number']) ?? [])
  if (from === undefined || providerMessageId === undefined || to.length === 0) throw problem('WEBHOOK_MALFORMED', { detail: 'An inbound text without sender, receiver or id.' })
  const media = listOf(payload['media']).map(objectOf).flatMap(({ url, content_type: contentType, size }) => {
    const known = textOf(url)
    return known === undefined ? [] : [{ url: known, contentType: textOf(contentType) ?? null, size: typeof size === 'number' ? size : null }]
  })
  return {
    kind: 'text',
    to,
    text: { from, providerMessageId, text: textOf(payload['text']) ?? '', media, receivedAt, answeredByCarrier: textOf(payload['autoresponse_type']) !== undefined }
  }
}

/** Telnyx's words for what we tell apart. Whatever else it may say of a text it has taken: it has left us. */
const reportedStates: Record<string, ReportedState | undefined> = {
  delivered: 'delivered', sending_failed: 'failed', delivery_failed: 'failed', expired: 'failed', cancelled: 'failed'
}

function readDelivery (payload: Loose, occurredAt: Date): TelnyxEvent {
  const reported = textOf(objectOf(listOf(payload['to'])[0])['status']) ?? ''
  const status = reportedStates[reported] ?? 'sent'
  const error = objectOf(listOf(payload['errors'])[0])
  const dollars = Number(objectOf(payload['cost'])['amount'] ?? NaN)
  return {
    kind: 'delivery',
    news: {
      status,
      occurredAt,
      providerMessageId: textOf(payload['id']) ?? null,
      errorCode: status === 'failed' ? textOf(error['code']) ?? reported : null,
      errorDetail: status === 'failed' ? textOf(error['detail']) ?? textOf(error['title']) ?? null : null,
      priceCents: Number.isFinite(dollars) ? dollars * 100 : null
    }
  }
}

function objectOf (value: unknown): Loose {
  return typeof value === 'object' && value !== null ? value as Loose : {}
}

function listOf (value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** Numbers too: codes come as either. PostgreSQL's text holds neither a zero byte nor half a surrogate pair: both become U+FFFD. */
function textOf (value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string' || value === '') return undefined
  return Buffer.from(value).toString().replaceAll('\0', '\ufffd')
}

function firstTime (candidates: unknown[], now: Date): Date {
  for (const candidate of candidates) {
    const time = typeof candidate === 'string' ? Date.parse(candidate) : NaN
    if (!Number.isNaN(time)) return new Date(Math.min(time, now.getTime()))
  }
  return now
}
