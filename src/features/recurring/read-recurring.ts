// What the API shows of recurring messages.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { GENERAL } from '../members/consent.js'
import { listOccurrences, type Schedule } from './occurrences.js'
import { findRecurring, occurrencesBefore, recurringAfter, type RecurringRow } from './queries.js'
import { scheduleOf } from './schedule-of.js'
import { type PastOccurrence, type Recurring, type RecurringWithNext } from './schemas.js'

interface PageAsked { limit: number, cursor?: string }

/** @throws problem('RECURRENCE_NOT_FOUND') */
export async function getRecurring (db: TenantDb, id: string, now: Date): Promise<RecurringWithNext> {
  const row = await findRecurring(db, id)
  if (row === undefined) throw problem('RECURRENCE_NOT_FOUND')
  return { ...toWire(row), nextOccurrences: nextTen(scheduleOf(row), now) }
}

/** @throws problem('CURSOR_INVALID') */
export async function listRecurring (db: TenantDb, fields: FieldCrypto, { limit, cursor }: PageAsked): Promise<Page<Recurring>> {
  const rows = await recurringAfter(db, decodeCursor(fields, 'recurring', cursor, 1)?.[0], limit + 1)
  return toPage(rows, limit, toWire, ({ id }) => encodeCursor(fields, 'recurring', [id]))
}

/** @throws problem('RECURRENCE_NOT_FOUND'), 'CURSOR_INVALID' */
export async function listPastOccurrences (db: TenantDb, fields: FieldCrypto, id: string, { limit, cursor }: PageAsked): Promise<Page<PastOccurrence>> {
  if (await findRecurring(db, id) === undefined) throw problem('RECURRENCE_NOT_FOUND')
  const list = `occurrences of ${id}`
  const before = decodeCursor(fields, list, cursor, 1)?.[0]
  const rows = await occurrencesBefore(db, id, before === undefined ? undefined : new Date(before), limit + 1)
  return toPage(rows, limit, ({ at, ...row }) => ({ at: toTimestamp(at), ...row }), ({ at }) => encodeCursor(fields, list, [toTimestamp(at)]))
}

/** Of a schedule that need not be saved. */
export function nextTen (schedule: Schedule, now: Date): RecurringWithNext['nextOccurrences'] {
  return listOccurrences(schedule, { after: now, limit: 10, withSkipped: true }).map(({ date, at, skipped }) => ({ date, at: toTimestamp(at), skipped }))
}

function toWire ({ content, ...row }: RecurringRow): Recurring {
  return {
    id: row.id,
    name: row.name,
    status: row.nextOccurrenceAt === null ? 'ended' : row.isActive ? 'active' : 'paused',
    rule: row.rule,
    startDate: row.startDate,
    time: row.time,
    timeZone: row.timeZone,
    skippedDates: [...row.skippedDates],
    text: content.text ?? null,
    templateId: content.templateId ?? null,
    smartReplace: content.smartReplace ?? null,
    mediaUrls: content.mediaUrls ?? [],
    mediaIds: content.mediaIds ?? [],
    to: content.to,
    topic: content.topic ?? GENERAL,
    nextOccurrenceAt: row.nextOccurrenceAt && toTimestamp(row.nextOccurrenceAt),
    lastError: row.lastError,
    lastErrorAt: row.lastErrorAt && toTimestamp(row.lastErrorAt),
    createdAt: toTimestamp(row.createdAt),
    updatedAt: toTimestamp(row.updatedAt)
  }
}
