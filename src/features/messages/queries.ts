// The SQL of messages as the API asks for them; that of audiences is in audience-queries.ts, that of the outbox in queue-queries.ts.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type WallTime } from '../../wall-time.js'
import { type Audience } from './audience-schema.js'
import { type MessageFailure } from './schemas.js'
import { type RecipientState } from './states.js'

export interface NewMessageRow {
  id: string
  text: string
  mediaUrls: readonly string[]
  mediaIds: readonly string[]
  from: string
  audience: Audience
  topic: string
  smartReplace: boolean
  templateId: string | null
  sendAt: Date | null
  /** Whatever has not left by then never does. */
  sendBefore: Date | null
  /** It leaves at this time of each recipient's own clocks; `sendAt` is when it is that time somewhere first. */
  local: WallTime | null
  createdBy: string | null
  /** The occurrence of a recurring message that it is; there is one message for each. */
  recurring?: { id: string, occurrence: Date }
}

/** A message that has not started; `sendAt` null: it starts in this transaction. */
export async function insertMessage (trx: TenantDb, message: NewMessageRow): Promise<void> {
  const { id, text, mediaUrls, mediaIds, from, audience, topic, smartReplace, templateId, sendAt, sendBefore, local, createdBy, recurring } = message
  await trx.insertInto('messages').values({
    id,
    kind: 'broadcast',
    text,
    media_urls: [...mediaUrls],
    media_ids: [...mediaIds],
    audience: JSON.stringify(audience),
    topic,
    from_number: from,
    smart_replace: smartReplace,
    template_id: templateId,
    status: 'scheduled',
    send_at: sendAt,
    send_before: sendBefore,
    local_date: local?.date,
    local_time: local?.time,
    created_by: createdBy,
    recurring_message_id: recurring?.id,
    occurrence: recurring?.occurrence
  }).execute()
}

/** The time of a message that has not started; null: at once. Undefined when it has started, or is none. */
export async function findScheduled (db: TenantDb, id: string): Promise<{ sendAt: Date | null } | undefined> {
  return await db.selectFrom('messages').select('send_at as sendAt').where('id', '=', id).where('status', '=', 'scheduled').executeTakeFirst()
}

/** The ids of those that should have started. */
export async function findOverdue (db: TenantDb, now: Date): Promise<string[]> {
  const rows = await db.selectFrom('messages').select('id').where('status', '=', 'scheduled').where('send_at', '<=', now).orderBy('send_at').execute()
  return rows.map(({ id }) => id)
}

const localOf = sql<WallTime | null>`CASE WHEN local_date IS NOT NULL THEN json_build_object('date', local_date, 'time', local_time) END`

export interface StartingMessage extends Pick<NewMessageRow, 'id' | 'text' | 'smartReplace' | 'audience' | 'topic' | 'sendBefore' | 'local'> { mediaUrls: string[], mediaIds: string[] }

/** Makes a scheduled message whose time has come a sending one; undefined when there is none, or another run has it. */
export async function takeScheduled (trx: TenantDb, id: string, now: Date): Promise<StartingMessage | undefined> {
  const row = await trx.updateTable('messages').set({ status: 'sending', updated_at: sql`now()` })
    .where('id', '=', id).where('status', '=', 'scheduled').where((eb) => eb.or([eb('send_at', 'is', null), eb('send_at', '<=', now)]))
    .returning(['id', 'text', 'media_urls as mediaUrls', 'media_ids as mediaIds', 'smart_replace as smartReplace', 'audience', 'topic', 'send_before as sendBefore', localOf.as('local')]).executeTakeFirst()
  // Written by this service from a checked request.
  return row && { ...row, audience: row.audience as Audience }
}

/** The text as everyone gets it, in place of how it was written. */
export async function setText (trx: TenantDb, id: string, text: string): Promise<void> {
  await trx.updateTable('messages').set({ text }).where('id', '=', id).execute()
}

/** Those that have not started and go to this segment or leave it out; `limit` at most. */
export async function scheduledForSegment (db: TenantDb, segmentId: string, limit: number): Promise<string[]> {
  const id = segmentId.toLowerCase()
  const rows = await db.selectFrom('messages').select('id').where((eb) => eb.or([eb('status', 'in', ['scheduled', 'draft']), eb('paused_from', '=', 'scheduled')]))
    .where(sql<boolean>`(lower(audience ->> 'segmentId') = ${id} OR lower((audience -> 'except' -> 'segmentIds')::text)::jsonb ? ${id})`)
    .orderBy('id').limit(limit).execute()
  return rows.map((row) => row.id)
}

export async function failMessage (trx: TenantDb, id: string, code: MessageFailure): Promise<void> {
  await trx.updateTable('messages').set({ status: 'failed', error_code: code, updated_at: sql`now()` }).where('id', '=', id).execute()
}

const messageColumns = [
  'id', 'kind', 'status', 'text', 'media_urls', 'media_ids', 'from_number', 'audience', 'topic', 'smart_replace', 'template_id', 'send_at', 'send_before', 'error_code', 'retry_of', 'created_at', 'updated_at'
] as const

export type MessageRow = NonNullable<Awaited<ReturnType<typeof findMessage>>>

export async function findMessage (db: TenantDb, id: string) {
  return await db.selectFrom('messages').select([...messageColumns, localOf.as('local')]).where('id', '=', id).executeTakeFirst()
}

/** The latest first; `before` is the id of the last one seen. */
export async function messagesBefore (db: TenantDb, kind: MessageRow['kind'], before: string | undefined, limit: number): Promise<MessageRow[]> {
  return await db.selectFrom('messages').select([...messageColumns, localOf.as('local')]).where('kind', '=', kind)
    .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
    .orderBy('id', 'desc').limit(limit).execute()
}

/** Message id → recipients by status; statuses that nobody has are left out. */
export async function countRecipients (db: TenantDb, messageIds: readonly string[]): Promise<Map<string, Partial<Record<RecipientState, number>>>> {
  const rows = await db.selectFrom('message_recipients')
    .select(['message_id', 'status', sql<number>`count(*)::int`.as('count')])
    .where('message_id', '=', sql<string>`ANY (${messageIds}::uuid[])`)
    .groupBy(['message_id', 'status']).execute()
  const counts = new Map<string, Partial<Record<RecipientState, number>>>(messageIds.map((id) => [id, {}]))
  for (const { message_id: id, status, count } of rows) counts.set(id, { ...counts.get(id), [status]: count })
  return counts
}

export type RecipientRow = Awaited<ReturnType<typeof recipientsAfter>>[number]

/** In the order of the blind index, which is none to the eye but stable; `after` is the last one seen. */
export async function recipientsAfter (db: TenantDb, messageId: string, { status, after, limit }: { status?: RecipientState | undefined, after?: Buffer | undefined, limit: number }) {
  return await db.selectFrom('message_recipients as r').leftJoin('members as m', 'm.id', 'r.member_id')
    .select([
      'r.phone_hash', 'r.member_id', 'm.first_name', 'm.last_name', 'r.phone_cipher', 'r.rendered_text', 'r.status', 'r.parts', 'r.encoding',
      'r.error_code', 'r.error_detail', 'r.sent_at', 'r.delivered_at', 'r.failed_at'
    ])
    .where('r.message_id', '=', messageId)
    .$if(status !== undefined, (query) => query.where('r.status', '=', status ?? 'queued'))
    .$if(after !== undefined, (query) => query.where('r.phone_hash', '>', after ?? Buffer.alloc(0)))
    .orderBy('r.phone_hash').limit(limit).execute()
}
