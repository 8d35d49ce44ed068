// The SQL of audiences: who is meant, as of the moment it is asked, and a text for each of them.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type AskedAt, fitsAnySegment } from '../segments/use-segments.js'
import { type Audience, type Except } from './audience-schema.js'
import { type TextParts } from './count-parts.js'
import { lanes } from './queue-text.js'

type Condition = RawBuilder<boolean>

/** Whether a member's row `m` is in the audience; members chosen by name are, whatever their consent. */
export async function inAudience (db: TenantDb, audience: Audience, at: AskedAt): Promise<Condition> {
  const left = audience.except === undefined ? [] : await leftOut(db, audience.except, at)
  return sql`(${sql.join([sql`m.deleted_at IS NULL`, await chosen(db, audience, at), ...left.map((one) => sql`NOT ${one}`)], sql` AND `)})`
}

async function chosen (db: TenantDb, audience: Audience, at: AskedAt): Promise<Condition> {
  if ('memberIds' in audience) return isOneOf(audience.memberIds)
  const optedIn = sql<boolean>`m.opt_in_state = 'opted_in'`
  if ('branchIds' in audience) return sql`${optedIn} AND ${inBranches(audience.branchIds)}`
  if ('tags' in audience) return sql`${optedIn} AND ${hasTag(audience.tags)}`
  if ('segmentId' in audience) return sql`${optedIn} AND ${await fitsAnySegment(db, [audience.segmentId], at, false)}`
  return optedIn
}

/** A segment that is gone leaves everyone out: better nobody gets it than someone who should not. */
async function leftOut (db: TenantDb, { memberIds, branchIds, tags, segmentIds }: Except, at: AskedAt): Promise<Condition[]> {
  return [
    ...(memberIds === undefined ? [] : [isOneOf(memberIds)]),
    ...(branchIds === undefined ? [] : [inBranches(branchIds)]),
    ...(tags === undefined ? [] : [hasTag(tags)]),
    ...(segmentIds === undefined ? [] : [await fitsAnySegment(db, segmentIds, at, true)])
  ]
}

function isOneOf (memberIds: readonly string[]): Condition {
  return sql`(m.id = ANY (${memberIds}::uuid[]))`
}

function inBranches (branchIds: readonly string[]): Condition {
  return sql`EXISTS (SELECT FROM member_branches mb WHERE mb.member_id = m.id AND mb.branch_id = ANY (${branchIds}::uuid[]))`
}

function hasTag (names: readonly string[]): Condition {
  return sql`EXISTS (SELECT FROM member_tags mt JOIN tags t ON t.id = mt.tag_id WHERE mt.member_id = m.id AND lower(t.name) = ANY (${names.map(foldTag)}::text[]))`
}

/**
 * Recipients and their places in the outbox, in the database alone: the stored numbers are copied as they are, still encrypted.
 * Members have one number each and no two the same, so nobody is chosen twice. @returns how many are in it, and how many wait
 */
export async function insertRecipients (trx: TenantDb, messageId: string, audience: Condition, { parts, encoding }: TextParts): Promise<{ chosen: number, queued: number }> {
  const { rows: [row] } = await sql<{ chosen: number, queued: number }>`
    WITH chosen AS (
      INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding, status, error_code)
      SELECT ${messageId}, m.phone_hash, m.id, m.phone_cipher, ${parts}, ${encoding},
        CASE m.opt_in_state WHEN 'opted_in' THEN 'queued' ELSE 'suppressed' END,
        CASE m.opt_in_state WHEN 'opted_out' THEN 'opted_out' WHEN 'pending' THEN 'not_opted_in' END
      FROM members m WHERE ${audience}
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
export async function countAudience (db: TenantDb, audience: Audience, at: AskedAt): Promise<number> {
  const { rows: [row] } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM members m WHERE m.opt_in_state = 'opted_in' AND ${await inAudience(db, audience, at)}`.execute(db)
  return row?.count ?? 0
}

const lookUp = {
  member: sql`SELECT FROM members m WHERE m.id = asked.value::uuid AND m.deleted_at IS NULL`,
  branch: sql`SELECT FROM branches b WHERE b.id = asked.value::uuid`,
  tag: sql`SELECT FROM tags t WHERE lower(t.name) = asked.value`
}

/** Those of these ids, or names of tags, that do not exist. */
export async function unknownAmong (db: TenantDb, kind: keyof typeof lookUp, asked: readonly string[]): Promise<string[]> {
  const values = kind === 'tag' ? asked.map(foldTag) : asked
  const { rows } = await sql<{ value: string }>`SELECT DISTINCT value FROM unnest(${values}::text[]) AS asked (value) WHERE NOT EXISTS (${lookUp[kind]})`.execute(db)
  return rows.map(({ value }) => value)
}

function foldTag (name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase()
}
