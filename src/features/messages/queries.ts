// The SQL of messages as the API asks for them; that of the outbox is in queue-queries.ts.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type TextParts } from './count-parts.js'
import { lanes } from './queue-text.js'
import { type Audience } from './schemas.js'
import { type RecipientState } from './states.js'

export interface NewMessageRow {
  text: string
  mediaUrls: readonly string[]
  from: string
  audience: Audience
  sendAt: Date | null
  createdBy: string
}

export async function insertMessage (trx: TenantDb, { text, mediaUrls, from, audience, sendAt, createdBy }: NewMessageRow): Promise<string> {
  const { id } = await trx.insertInto('messages').values({
    kind: 'broadcast',
    text,
    media_urls: [...mediaUrls],
    audience: JSON.stringify(audience),
    from_number: from,
    status: sendAt === null ? 'sending' : 'scheduled',
    send_at: sendAt,
    created_by: createdBy
  }).returning('id').executeTakeFirstOrThrow()
  return id
}

/**
 * Recipients and their places in the outbox, in the database alone: the stored numbers are copied as they are, still encrypted.
 * Members have one number each and no two the same, so nobody is chosen twice. @returns how many are in it, and how many wait
 */
export async function insertRecipients (trx: TenantDb, messageId: string, audience: Audience, { parts, encoding }: TextParts, notBefore: Date | null): Promise<{ chosen: number, queued: number }> {
  const { rows: [row] } = await sql<{ chosen: number, queued: number }>`
    WITH chosen AS (
      INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding, status, error_code)
      SELECT ${messageId}, m.phone_hash, m.id, m.phone_cipher, ${parts}, ${encoding},
        CASE m.opt_in_state WHEN 'opted_in' THEN 'queued' ELSE 'suppressed' END,
        CASE m.opt_in_state WHEN 'opted_out' THEN 'opted_out' WHEN 'pending' THEN 'not_opted_in' END
      FROM members m WHERE m.deleted_at IS NULL AND ${belongsTo(audience)}
      RETURNING phone_hash, status
    ), queued AS (
      INSERT INTO message_queue (message_id, phone_hash, lane, not_before)
      SELECT ${messageId}, phone_hash, ${lanes.broadcast}, coalesce(${notBefore}, now()) FROM chosen WHERE status = 'queued'
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM chosen) AS chosen, (SELECT count(*)::int FROM queued) AS queued`.execute(trx)
  return row ?? { chosen: 0, queued: 0 }
}

function belongsTo (audience: Audience): RawBuilder<boolean> {
  if ('memberIds' in audience) return sql`m.id = ANY (${audience.memberIds}::uuid[])`
  if ('branchIds' in audience) {
    return sql`m.opt_in_state = 'opted_in' AND m.id IN (SELECT mb.member_id FROM member_branches mb WHERE mb.branch_id = ANY (${audience.branchIds}::uuid[]))`
  }
  if ('tags' in audience) {
    return sql`m.opt_in_state = 'opted_in' AND m.id IN (SELECT mt.member_id FROM member_tags mt JOIN tags t ON t.id = mt.tag_id WHERE lower(t.name) = ANY (${audience.tags.map(foldTag)}::text[]))`
  }
  return sql`m.opt_in_state = 'opted_in'`
}

/** The ids or tag names of an audience that do not exist, as they were asked for. */
export async function unknownInAudience (db: TenantDb, audience: Audience): Promise<string[]> {
  if ('memberIds' in audience) return await missing(db, audience.memberIds, sql`SELECT FROM members m WHERE m.id = asked.value::uuid AND m.deleted_at IS NULL`)
  if ('branchIds' in audience) return await missing(db, audience.branchIds, sql`SELECT FROM branches b WHERE b.id = asked.value::uuid`)
  if ('tags' in audience) return await missing(db, audience.tags.map(foldTag), sql`SELECT FROM tags t WHERE lower(t.name) = asked.value`)
  return []
}

async function missing (db: TenantDb, asked: readonly string[], found: RawBuilder<unknown>): Promise<string[]> {
  const { rows } = await sql<{ value: string }>`SELECT DISTINCT value FROM unnest(${asked}::text[]) AS asked (value) WHERE NOT EXISTS (${found})`.execute(db)
  return rows.map(({ value }) => value)
}

function foldTag (name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase()
}

const messageColumns = ['id', 'kind', 'status', 'text', 'media_urls', 'from_number', 'audience', 'send_at', 'created_at', 'updated_at'] as const

export type MessageRow = NonNullable<Awaited<ReturnType<typeof findMessage>>>

export async function findMessage (db: TenantDb, id: string) {
  return await db.selectFrom('messages').select(messageColumns).where('id', '=', id).executeTakeFirst()
}

/** The latest first; `before` is the id of the last one seen. */
export async function messagesBefore (db: TenantDb, kind: MessageRow['kind'], before: string | undefined, limit: number): Promise<MessageRow[]> {
  return await db.selectFrom('messages').select(messageColumns).where('kind', '=', kind)
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
      'r.phone_hash', 'r.member_id', 'm.first_name', 'm.last_name', 'r.phone_cipher', 'r.status', 'r.parts', 'r.encoding',
      'r.error_code', 'r.error_detail', 'r.sent_at', 'r.delivered_at', 'r.failed_at'
    ])
    .where('r.message_id', '=', messageId)
    .$if(status !== undefined, (query) => query.where('r.status', '=', status ?? 'queued'))
    .$if(after !== undefined, (query) => query.where('r.phone_hash', '>', after ?? Buffer.alloc(0)))
    .orderBy('r.phone_hash').limit(limit).execute()
}
