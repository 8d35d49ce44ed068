// What the API shows of messages and their recipients.
import { type Static } from 'typebox'
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type AskedAt } from '../segments/use-segments.js'
import { whoIsMeant } from './audience.js'
import { countTexted } from './audience-queries.js'
import { countDeferred } from './departure-queries.js'
import { countRecipients, findMessage, type MessageRow, messagesBefore, recipientsAfter, type RecipientRow } from './queries.js'
import { type Audience } from './audience-schema.js'
import { type Message, type MessageQuery, type MessageWithAudience, type Recipient, type RecipientQuery } from './schemas.js'
import { type RecipientState } from './states.js'

/** @throws problem('MESSAGE_NOT_FOUND') */
export async function getMessage (db: TenantDb, id: string, at: AskedAt): Promise<MessageWithAudience> {
  const row = await findMessage(db, id)
  if (row === undefined) throw problem('MESSAGE_NOT_FOUND')
  const counts = await countRecipients(db, [id])
  // Written by this service from a checked request.
  const to = row.audience as Audience | null
  const waits = row.status === 'scheduled' || row.status === 'draft'
  return {
    ...toMessage(row, counts.get(id) ?? {}),
    to,
    deferred: await deferredOf(db, id),
    audienceSize: waits && to !== null ? await countAudience(db, to, row.topic, at) : null,
    smartReplace: row.smart_replace,
    templateId: row.template_id
  }
}

/** @throws problem('CURSOR_INVALID') */
export async function listMessages (db: TenantDb, fields: FieldCrypto, { kind = 'broadcast', limit, cursor }: Static<typeof MessageQuery>): Promise<Page<Message>> {
  const before = decodeCursor(fields, 'messages', cursor, 1)?.[0]
  const rows = await messagesBefore(db, kind, before, limit + 1)
  const counts = await countRecipients(db, rows.slice(0, limit).map(({ id }) => id))
  return toPage(rows, limit, (row) => toMessage(row, counts.get(row.id) ?? {}), ({ id }) => encodeCursor(fields, 'messages', [id]))
}

/** @throws problem('MESSAGE_NOT_FOUND'), 'CURSOR_INVALID' */
export async function listRecipients (db: TenantDb, fields: FieldCrypto, messageId: string, { status, limit, cursor }: Static<typeof RecipientQuery>): Promise<Page<Recipient>> {
  if (await findMessage(db, messageId) === undefined) throw problem('MESSAGE_NOT_FOUND')
  const list = `recipients of ${messageId}`
  const after = decodeCursor(fields, list, cursor, 1)?.[0]
  const rows = await recipientsAfter(db, messageId, { status, after: after === undefined ? undefined : Buffer.from(after, 'hex'), limit: limit + 1 })
  return toPage(rows, limit, (row) => toRecipient(row, fields), (last) => encodeCursor(fields, list, [last.phone_hash.toString('hex')]))
}

async function countAudience (db: TenantDb, audience: Audience, topic: string, at: AskedAt): Promise<number> {
  const { texted } = await whoIsMeant(db, audience, topic, at)
  return await countTexted(db, texted)
}

async function deferredOf (db: TenantDb, id: string): Promise<MessageWithAudience['deferred']> {
  const deferred = await countDeferred(db, id)
  return deferred && { count: deferred.count, from: toTimestamp(deferred.from), until: toTimestamp(deferred.until) }
}

function toMessage (row: MessageRow, counts: Partial<Record<RecipientState, number>>): Message {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    text: row.text,
    mediaUrls: row.media_urls,
    mediaIds: row.media_ids,
    from: row.from_number,
    topic: row.topic,
    counts: { queued: 0, sending: 0, sent: 0, delivered: 0, failed: 0, suppressed: 0, unknown: 0, cancelled: 0, ...counts },
    sendAt: row.send_at && toTimestamp(row.send_at),
    sendBefore: row.send_before && toTimestamp(row.send_before),
    sendAtLocal: row.local,
    errorCode: row.error_code,
    retryOf: row.retry_of,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at)
  }
}

function toRecipient (row: RecipientRow, fields: FieldCrypto): Recipient {
  return {
    memberId: row.member_id,
    firstName: row.first_name,
    lastName: row.last_name,
    phone: fields.decrypt(row.phone_cipher),
    text: row.rendered_text,
    status: row.status,
    parts: row.parts,
    encoding: row.encoding,
    errorCode: row.error_code,
    errorDetail: row.error_detail,
    sentAt: row.sent_at && toTimestamp(row.sent_at),
    deliveredAt: row.delivered_at && toTimestamp(row.delivered_at),
    failedAt: row.failed_at && toTimestamp(row.failed_at)
  }
}
