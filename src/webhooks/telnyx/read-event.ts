// What we read from Telnyx's events: the few fields we need, taken as they come, because real payloads stray from the published schema.
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { problem } from '../../errors.js'

const Envelope = Type.Object({
  data: Type.Object({
    // Becomes part of a unique index: short, and without what PostgreSQL's text cannot hold.
    id: Type.String({ pattern: '^[!-~]{1,200}$' }),
    event_type: Type.String(),
    payload: Type.Object({})
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
