// All SQL of recurring messages, but for what they have to do with segments.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type NewMessage } from '../messages/schemas.js'

/** What each occurrence says and to whom, as POST /messages takes it. */
export type Content = Pick<NewMessage, 'text' | 'templateId' | 'smartReplace' | 'mediaUrls' | 'mediaIds' | 'to' | 'topic'>

export interface RecurringColumns {
  name: string
  rule: string
  startDate: string
  time: string
  timeZone: string
  skippedDates: readonly string[]
  content: Content
  nextOccurrenceAt: Date | null
}

export interface RecurringRow extends RecurringColumns {
  id: string
  isActive: boolean
  lastError: string | null
  lastErrorAt: Date | null
  createdBy: string | null
  createdAt: Date
  updatedAt: Date
}

export async function insertRecurring (trx: TenantDb, id: string, columns: RecurringColumns, createdBy: string): Promise<void> {
  await trx.insertInto('recurring_messages').values({ id, ...toRow(columns), created_by: createdBy }).execute()
}

export async function updateRecurring (trx: TenantDb, id: string, columns: RecurringColumns): Promise<void> {
  await trx.updateTable('recurring_messages').set({ ...toRow(columns), updated_at: sql`now()` }).where('id', '=', id).execute()
}

export async function setActive (trx: TenantDb, id: string, isActive: boolean, nextOccurrenceAt: Date | null): Promise<void> {
  await trx.updateTable('recurring_messages').set({ is_active: isActive, next_occurrence_at: nextOccurrenceAt, updated_at: sql`now()` }).where('id', '=', id).execute()
}

/** The move to the next occurrence, with what went wrong with this one, or null. */
export async function moveOn (trx: TenantDb, id: string, next: Date | null, error: { code: string, at: Date } | null): Promise<void> {
  await trx.updateTable('recurring_messages')
    .set({ next_occurrence_at: next, last_error: error?.code ?? null, last_error_at: error?.at ?? null }).where('id', '=', id).execute()
}

export async function removeRecurring (trx: TenantDb, id: string): Promise<void> {
  await trx.deleteFrom('recurring_messages').where('id', '=', id).execute()
}

export async function findRecurring (db: TenantDb, id: string): Promise<RecurringRow | undefined> {
  const row = await select(db).where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The same, locked until the transaction ends: an occurrence and a change wait for each other. */
export async function lockRecurring (trx: TenantDb, id: string): Promise<RecurringRow | undefined> {
  const row = await select(trx).where('id', '=', id).forUpdate().executeTakeFirst()
  return row && fromRow(row)
}

/** In the order in which they were made; `after` is the id of the last one seen. */
export async function recurringAfter (db: TenantDb, after: string | undefined, limit: number): Promise<RecurringRow[]> {
  const rows = await select(db).$if(after !== undefined, (query) => query.where('id', '>', after ?? '')).orderBy('id').limit(limit).execute()
  return rows.map(fromRow)
}

/** Those with something to come. */
export async function waitingRecurring (db: TenantDb): Promise<Array<{ id: string, nextOccurrenceAt: Date }>> {
  const rows = await db.selectFrom('recurring_messages').select(['id', 'next_occurrence_at as nextOccurrenceAt']).where('is_active', '=', true).where('next_occurrence_at', 'is not', null).execute()
  return rows.map(({ id, nextOccurrenceAt }) => ({ id, nextOccurrenceAt: nextOccurrenceAt ?? new Date(0) }))
}

export interface OccurrenceRow { at: Date, outcome: 'sent' | 'missed' | 'failed', messageId: string | null, errorCode: string | null }

/** Each instant once, whoever comes second. */
export async function insertOccurrences (trx: TenantDb, recurringId: string, occurrences: readonly OccurrenceRow[]): Promise<void> {
  if (occurrences.length === 0) return
  await trx.insertInto('recurring_occurrences')
    .values(occurrences.map(({ at, outcome, messageId, errorCode }) => ({ recurring_message_id: recurringId, occurrence: at, outcome, message_id: messageId, error_code: errorCode })))
    .onConflict((conflict) => conflict.doNothing()).execute()
}

export async function hasOccurred (trx: TenantDb, recurringId: string, at: Date): Promise<boolean> {
  return await trx.selectFrom('recurring_occurrences').select('occurrence').where('recurring_message_id', '=', recurringId).where('occurrence', '=', at).executeTakeFirst() !== undefined
}

/** The latest first. */
export async function occurrencesBefore (db: TenantDb, recurringId: string, before: Date | undefined, limit: number): Promise<OccurrenceRow[]> {
  return await db.selectFrom('recurring_occurrences').select(['occurrence as at', 'outcome', 'message_id as messageId', 'error_code as errorCode'])
    .where('recurring_message_id', '=', recurringId)
    .$if(before !== undefined, (query) => query.where('occurrence', '<', before ?? new Date(0)))
    .orderBy('occurrence', 'desc').limit(limit).execute()
}

function select (db: TenantDb) {
  return db.selectFrom('recurring_messages').select([
    'id', 'name', 'rule', sql<string>`start_date::text`.as('startDate'), 'wall_time as time', 'time_zone as timeZone', sql<string[]>`skipped_dates::text[]`.as('skippedDates'),
    'message as content', 'is_active as isActive', 'next_occurrence_at as nextOccurrenceAt', 'last_error as lastError', 'last_error_at as lastErrorAt',
    'created_by as createdBy', 'created_at as createdAt', 'updated_at as updatedAt'
  ])
}

/** The content was written by this service from a checked request. */
function fromRow (row: Awaited<ReturnType<ReturnType<typeof select>['executeTakeFirstOrThrow']>>): RecurringRow {
  return { ...row, content: row.content as Content }
}

function toRow ({ name, rule, startDate, time, timeZone, skippedDates, content, nextOccurrenceAt }: RecurringColumns) {
  return {
    name, rule, start_date: startDate, wall_time: time, time_zone: timeZone, skipped_dates: sql<string[]>`${skippedDates}::date[]`, message: JSON.stringify(content), next_occurrence_at: nextOccurrenceAt
  }
}
