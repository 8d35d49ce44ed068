// What the API shows of dead letters.
import { type Static } from 'typebox'
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { deadLettersBefore, type DeadLetterRow } from './queries.js'
import { type DeadLetter, type DeadLetterDetail, type DeadLetterQuery } from './schemas.js'

/** @throws problem('CURSOR_INVALID') */
export async function listDeadLetters (db: TenantDb, fields: FieldCrypto, { status, category, limit, cursor }: Static<typeof DeadLetterQuery>): Promise<Page<DeadLetter>> {
  const before = decodeCursor(fields, 'dead letters', cursor, 1)?.[0]
  const rows = await deadLettersBefore(db, { status, category, before, limit: limit + 1 })
  return toPage(rows, limit, (row) => toWire(row, fields), ({ id }) => encodeCursor(fields, 'dead letters', [id]))
}

/** @throws problem('DEAD_LETTER_NOT_FOUND') */
export async function getDeadLetter (db: TenantDb, fields: FieldCrypto, id: string): Promise<DeadLetterDetail> {
  const [row] = await deadLettersBefore(db, { id, limit: 1 })
  if (row === undefined) throw problem('DEAD_LETTER_NOT_FOUND')
  return { ...toWire(row, fields), payload: row.payload_cipher && fields.decrypt(row.payload_cipher) }
}

function toWire (row: DeadLetterRow, fields: FieldCrypto): DeadLetter {
  return {
    id: row.id,
    category: row.category,
    status: row.status,
    error: row.error,
    attempts: row.attempts,
    messageId: row.message_id,
    memberId: row.member_id,
    phone: row.phone_cipher && fields.decrypt(row.phone_cipher),
    textStatus: row.text_status,
    resentMessageId: row.resent_id,
    outcome: row.outcome,
    note: row.note,
    resolvedBy: row.resolved_by,
    addedAt: toTimestamp(row.added_at),
    resolvedAt: row.resolved_at && toTimestamp(row.resolved_at)
  }
}
