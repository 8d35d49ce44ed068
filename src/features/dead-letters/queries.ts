// The SQL of dead letters.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

export type Category = 'sms_send' | 'webhook_inbound' | 'subscription_update' | 'payment' | 'integration'
export type Outcome = 'settled' | 'resent' | 'delivered' | 'failed' | 'handled' | 'dismissed'

export interface TextKey { messageId: string, phoneHash: Buffer }

/** Of these texts, those that are unknown are watched from now on; again changes nothing. */
export async function insertWatched (trx: TenantDb, texts: readonly TextKey[]): Promise<void> {
  await sql`
    INSERT INTO dead_letter_queue (category, status, message_id, phone_hash, error, attempts)
    SELECT 'sms_send', 'watched', r.message_id, r.phone_hash, coalesce(r.error_code, 'unknown'), 1
    FROM ${keys(texts)} JOIN message_recipients r USING (message_id, phone_hash) WHERE r.status = 'unknown'
    ON CONFLICT DO NOTHING`.execute(trx)
}

/** What became known needs nobody any more. */
export async function closeTexts (trx: TenantDb, texts: readonly TextKey[]): Promise<void> {
  await sql`
    WITH forgotten AS (
      DELETE FROM dead_letter_queue d USING ${keys(texts)} WHERE d.message_id = k.message_id AND d.phone_hash = k.phone_hash AND d.status = 'watched'
    )
    UPDATE dead_letter_queue d SET status = 'resolved', outcome = 'settled', resolved_at = now(), updated_at = now()
    FROM ${keys(texts)} WHERE d.message_id = k.message_id AND d.phone_hash = k.phone_hash AND d.status = 'pending'`.execute(trx)
}

function keys (texts: readonly TextKey[]) {
  return sql`unnest(${texts.map(({ messageId }) => messageId)}::uuid[], ${texts.map(({ phoneHash }) => phoneHash)}::bytea[]) AS k (message_id, phone_hash)`
}

/** Watched for at least so many hours: now they need a person. @returns how many, and when the next is due */
export async function promoteWatched (db: TenantDb, hours: number): Promise<{ added: number, nextInMs: number | null }> {
  const { rows } = await sql`
    UPDATE dead_letter_queue SET status = 'pending', added_at = now(), updated_at = now()
    WHERE status = 'watched' AND created_at <= now() - make_interval(hours => ${hours}) RETURNING 1`.execute(db)
  const { rows: [next] } = await sql<{ ms: number | null }>`
    SELECT extract(epoch FROM min(created_at) + make_interval(hours => ${hours}) - now())::float8 * 1000 AS ms FROM dead_letter_queue WHERE status = 'watched'`.execute(db)
  return { added: rows.length, nextInMs: next?.ms ?? null }
}

export interface NewDeadLetter { category: Exclude<Category, 'sms_send'>, source: string, error: string, attempts: number, payloadCipher: Buffer | null }

/** @returns whether it is new: what comes from one source is added once */
export async function insertDeadLetter (trx: TenantDb, { category, source, error, attempts, payloadCipher }: NewDeadLetter): Promise<boolean> {
  const row = await trx.insertInto('dead_letter_queue').values({ category, status: 'pending', source, error, attempts, payload_cipher: payloadCipher })
    .onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst()
  return row !== undefined
}

/** The text that it is about; without one, null for both. Not locked: the text's row comes before its dead letter's, in whatever locks both. */
export async function findSubject (db: TenantDb, id: string) {
  return await db.selectFrom('dead_letter_queue').select(['message_id as messageId', 'phone_hash as phoneHash'])
    .where('id', '=', id).where('status', '<>', 'watched').executeTakeFirst()
}

export interface Resolution { outcome: Outcome, note: string | null, adminId: string }

/** @returns whether it was still open */
export async function closeDeadLetter (trx: TenantDb, id: string, { outcome, note, adminId }: Resolution): Promise<boolean> {
  const closed = await trx.updateTable('dead_letter_queue').set({
    status: outcome === 'dismissed' ? 'dead' : 'resolved', outcome, note, resolved_by: adminId, resolved_at: sql`now()`, updated_at: sql`now()`
  }).where('id', '=', id).where('status', '=', 'pending').returning('id').executeTakeFirst()
  return closed !== undefined
}

export type DeadLetterRow = Awaited<ReturnType<typeof deadLettersBefore>>[number]
export type Status = 'pending' | 'resolved' | 'dead'

/** The latest first; `before` is the id of the last one seen. */
export async function deadLettersBefore (db: TenantDb, { id, status, category, before, limit }: { id?: string, status?: Status | undefined, category?: Category | undefined, before?: string | undefined, limit: number }) {
  return await db.selectFrom('dead_letter_queue as d')
    .leftJoin('message_recipients as r', (join) => join.onRef('r.message_id', '=', 'd.message_id').onRef('r.phone_hash', '=', 'd.phone_hash'))
    .leftJoin('messages as again', 'again.resends', 'd.id')
    .select([
      'd.id', 'd.category', 'd.status', 'd.error', 'd.attempts', 'd.message_id', 'd.payload_cipher', 'd.outcome', 'd.note', 'd.resolved_by', 'd.resolved_at', 'd.added_at',
      'r.phone_cipher', 'r.member_id', 'r.status as text_status', 'again.id as resent_id'
    ])
    .where('d.status', '<>', 'watched')
    .$if(id !== undefined, (query) => query.where('d.id', '=', id ?? ''))
    .$if(status !== undefined, (query) => query.where('d.status', '=', status ?? 'pending'))
    .$if(category !== undefined, (query) => query.where('d.category', '=', category ?? 'sms_send'))
    .$if(before !== undefined, (query) => query.where('d.id', '<', before ?? ''))
    .orderBy('d.id', 'desc').limit(limit).execute()
}
