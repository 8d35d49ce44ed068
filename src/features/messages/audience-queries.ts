// The SQL of audiences: who is in one, and a recipient with a place in the outbox for each of them.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type OptInState } from '../members/schemas.js'
import { type ParsedText } from '../templates/variables.js'
import { type Condition, foldTag, refusalOf } from './audience.js'
import { type Unsendable } from './compose-message.js'
import { type Encoding, type TextParts } from './count-parts.js'

/** A message that becomes recipients. `queue`: from `queueChosen`. */
export interface Queueing { id: string, topic: string, queue: RawBuilder<unknown> }

export interface Queued { chosen: number, queued: number }

export interface RenderedText {
  memberId: string
  /** Null when it can't be sent. */
  text: string | null
  parts: number
  encoding: Encoding
  code: Unsendable | null
}

/** The same text for everyone, in the database alone. */
export async function insertRecipients (trx: TenantDb, message: Queueing, included: Condition, { parts, encoding }: TextParts): Promise<Queued> {
  return await insertFrom(trx, message, sql`members m
    CROSS JOIN (VALUES (NULL::text, ${parts}::smallint, ${encoding}::text, NULL::text)) AS r (text, parts, encoding, code) WHERE ${included}`)
}

/** A text of their own for each of these members; those deleted since are passed over. */
export async function insertRendered (trx: TenantDb, message: Queueing, texts: readonly RenderedText[]): Promise<Queued> {
  const column = <Value>(pick: (one: RenderedText) => Value): Value[] => texts.map(pick)
  return await insertFrom(trx, message, sql`unnest(
      ${column((one) => one.memberId)}::uuid[], ${column((one) => one.text)}::text[], ${column((one) => one.parts)}::smallint[],
      ${column((one) => one.encoding)}::text[], ${column((one) => one.code)}::text[]
    ) AS r (member_id, text, parts, encoding, code) JOIN members m ON m.id = r.member_id WHERE m.deleted_at IS NULL`)
}

/**
 * The stored numbers are copied as they are, still encrypted. Members have one number each and no two the same, so nobody is
 * chosen twice. `source`: rows of members `m`, each with a text `r`. @returns how many are in it, and how many wait
 */
async function insertFrom (trx: TenantDb, { id, topic, queue }: Queueing, source: RawBuilder<unknown>): Promise<Queued> {
  const { rows: [row] } = await sql<Queued>`
    WITH chosen AS (
      INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, rendered_text, parts, encoding, status, error_code)
      SELECT ${id}, phone_hash, member_id, phone_cipher, text, parts, encoding, CASE WHEN code IS NULL THEN 'queued' ELSE 'suppressed' END, code
      FROM (
        SELECT m.phone_hash, m.id AS member_id, m.phone_cipher, r.text, r.parts, r.encoding,
          CASE m.opt_in_state WHEN 'opted_out' THEN 'opted_out' WHEN 'pending' THEN 'not_opted_in' ELSE coalesce(${refusalOf(topic)}, r.code) END AS code
        FROM ${source}
      ) AS judged
      RETURNING phone_hash, member_id, status
    ), queued AS (${queue})
    SELECT (SELECT count(*)::int FROM chosen) AS chosen, (SELECT count(*)::int FROM queued) AS queued`.execute(trx)
  return row ?? { chosen: 0, queued: 0 }
}

export interface Person {
  id: string
  firstName: string
  lastName: string
  /** Only when the text asks for it; otherwise empty. */
  custom: Record<string, unknown>
  /** Likewise. The one they were added to first, of those that the message goes to if it goes to branches. */
  branch: string
  optInState: OptInState
  /** Why they would not get a message of the topic; null when they would, by their consent to it. */
  refusal: string | null
  excepted: boolean
}

export interface PeopleQuery {
  where: Condition
  excepted: Condition
  topic: string
  variables: ParsedText['variables']
  branchIds: readonly string[]
  /** Id of the last one seen. */
  after: string | undefined
  limit: number
}

/** In the order of ids. */
export async function peopleAfter (db: TenantDb, { where, excepted, topic, variables, branchIds, after, limit }: PeopleQuery): Promise<Person[]> {
  const uses = (name: string): boolean => variables.some((one) => one.name === name)
  const branch = sql`coalesce((SELECT b.name FROM member_branches mb JOIN branches b ON b.id = mb.branch_id WHERE mb.member_id = m.id
    ORDER BY (b.id = ANY (${branchIds}::uuid[])) DESC, mb.created_at, b.id LIMIT 1), '')`
  const { rows } = await sql<Person>`
    SELECT m.id, m.first_name AS "firstName", m.last_name AS "lastName", m.opt_in_state AS "optInState", ${refusalOf(topic)} AS refusal, ${excepted} AS excepted,
      ${uses('custom') ? sql`m.custom` : sql`'{}'::jsonb`} AS custom, ${uses('branch') ? branch : sql`''`} AS branch
    FROM members m WHERE ${where} ${after === undefined ? sql`` : sql`AND m.id > ${after}::uuid`}
    ORDER BY m.id LIMIT ${limit}`.execute(db)
  return rows
}

/** How many would be texted if it left now. `texted`: of `whoIsMeant`. */
export async function countTexted (db: TenantDb, texted: Condition): Promise<number> {
  const { rows: [row] } = await sql<{ count: number }>`SELECT count(*)::int AS count FROM members m WHERE ${texted}`.execute(db)
  return row?.count ?? 0
}

const lookUp = {
  member: sql`SELECT FROM members m WHERE m.id = asked.value::uuid AND m.deleted_at IS NULL`,
  branch: sql`SELECT FROM branches b WHERE b.id = asked.value::uuid`,
  tag: sql`SELECT FROM tags t WHERE lower(t.name) = asked.value`,
  topic: sql`SELECT FROM topics t WHERE t.name = asked.value`
}

/** Those of these ids, or names of tags and topics, that do not exist. */
export async function unknownAmong (db: TenantDb, kind: keyof typeof lookUp, asked: readonly string[]): Promise<string[]> {
  const values = kind === 'tag' ? asked.map(foldTag) : asked
  const { rows } = await sql<{ value: string }>`SELECT DISTINCT value FROM unnest(${values}::text[]) AS asked (value) WHERE NOT EXISTS (${lookUp[kind]})`.execute(db)
  return rows.map(({ value }) => value)
}
