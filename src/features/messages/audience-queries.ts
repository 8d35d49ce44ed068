// The SQL of audiences: who is meant, as of the moment it is asked, and a text for each of them.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type TextParts } from './count-parts.js'
import { lanes } from './queue-text.js'
import { type Audience } from './schemas.js'

/**
 * Recipients and their places in the outbox, in the database alone: the stored numbers are copied as they are, still encrypted.
 * Members have one number each and no two the same, so nobody is chosen twice. @returns how many are in it, and how many wait
 */
export async function insertRecipients (trx: TenantDb, messageId: string, audience: Audience, { parts, encoding }: TextParts): Promise<{ chosen: number, queued: number }> {
  const { rows: [row] } = await sql<{ chosen: number, queued: number }>`
    WITH chosen AS (
      INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding, status, error_code)
      SELECT ${messageId}, m.phone_hash, m.id, m.phone_cipher, ${parts}, ${encoding},
        CASE m.opt_in_state WHEN 'opted_in' THEN 'queued' ELSE 'suppressed' END,
        CASE m.opt_in_state WHEN 'opted_out' THEN 'opted_out' WHEN 'pending' THEN 'not_opted_in' END
      FROM members m WHERE m.deleted_at IS NULL AND ${belongsTo(audience)}
      RETURNING phone_hash, status
    ), queued AS (
      INSERT INTO message_queue (message_id, phone_hash, lane)
      SELECT ${messageId}, phone_hash, ${lanes.broadcast} FROM chosen WHERE status = 'queued'
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM chosen) AS chosen, (SELECT count(*)::int FROM queued) AS queued`.execute(trx)
  return row ?? { chosen: 0, queued: 0 }
}

/** How many would be texted if it left now. */
export async function countAudience (db: TenantDb, audience: Audience): Promise<number> {
  const { rows: [row] } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM members m WHERE m.deleted_at IS NULL AND m.opt_in_state = 'opted_in' AND ${belongsTo(audience)}`.execute(db)
  return row?.count ?? 0
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
