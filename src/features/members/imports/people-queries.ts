// The SQL by which a batch of an import reads and writes members: a statement for all of them, never one for each.
import { sql } from 'kysely'
import { type TenantDb } from '../../../tenancy/tenant.js'
import { type Person } from './decide-rows.js'

export interface NewPerson extends Person { phoneCipher: Buffer, phone_zone: string | null, phone_region: string | null }

/**
 * Statements are prepared by name, and keep the plan that was best when the tables were empty: after some ten thousand rows
 * looking a batch up would take a hundred times longer. Inserts keep theirs, for so do the checks of their foreign keys.
 */
export async function planningAnew<T> (trx: TenantDb, work: () => Promise<T>): Promise<T> {
  await sql`SET LOCAL plan_cache_mode = force_custom_plan`.execute(trx)
  const found = await work()
  await sql`SET LOCAL plan_cache_mode = auto`.execute(trx)
  return found
}

/** Held until the transaction ends, in one order. */
export async function lockMembers (trx: TenantDb, phoneHashes: readonly Buffer[]) {
  return await trx.selectFrom('members as m').select([
    'm.id', 'm.phone_hash', 'm.first_name', 'm.last_name', 'm.email', sql<string | null>`m.birthday::text`.as('birthday'), 'm.time_zone',
    sql<Record<string, unknown>>`m.custom`.as('custom'), 'm.opt_in_state',
    sql<string[]>`ARRAY(SELECT tag_id FROM member_tags WHERE member_id = m.id)`.as('tag_ids'),
    sql<string[]>`ARRAY(SELECT branch_id FROM member_branches WHERE member_id = m.id)`.as('branch_ids')
  ]).where('m.phone_hash', '=', sql<Buffer>`ANY (${phoneHashes}::bytea[])`).where('m.deleted_at', 'is', null).orderBy('m.id').forUpdate().execute()
}

/** How many members have these numbers now. */
export async function countMembers (trx: TenantDb, phoneHashes: readonly Buffer[]): Promise<number> {
  const { count } = await trx.selectFrom('members').select(sql<number>`count(*)::integer`.as('count'))
    .where('phone_hash', '=', sql<Buffer>`ANY (${phoneHashes}::bytea[])`).where('deleted_at', 'is', null).executeTakeFirstOrThrow()
  return count
}

/** The last word of each number that said anything of texts in general. */
export async function lastWords (trx: TenantDb, phoneHashes: readonly Buffer[]) {
  return await trx.selectFrom('consent_logs').distinctOn('phone_hash').select(['phone_hash', 'action', 'source'])
    .where('phone_hash', '=', sql<Buffer>`ANY (${phoneHashes}::bytea[])`).where('topic', '=', 'messages').orderBy('phone_hash').orderBy('id', 'desc').execute()
}

export async function earlierRows (trx: TenantDb, importId: string, phoneHashes: readonly Buffer[]) {
  return await trx.selectFrom('member_import_rows').select(['phone_hash', 'row_number'])
    .where('import_id', '=', importId).where('phone_hash', '=', sql<Buffer>`ANY (${phoneHashes}::bytea[])`).execute()
}

export async function insertPeople (trx: TenantDb, people: readonly NewPerson[]): Promise<void> {
  await sql`INSERT INTO members (id, phone_cipher, phone_hash, phone_zone, phone_region, first_name, last_name, email, birthday, time_zone, custom, opt_in_state)
    SELECT * FROM unnest(${people.map(({ id }) => id)}::uuid[], ${people.map(({ phoneCipher }) => phoneCipher)}::bytea[], ${people.map(({ phoneHash }) => phoneHash)}::bytea[],
      ${people.map(({ phone_zone: zone }) => zone)}::text[], ${people.map(({ phone_region: region }) => region)}::text[], ${sql.join(fieldArrays(people))},
      ${people.map(({ state }) => state)}::text[])`.execute(trx)
}

export async function updatePeople (trx: TenantDb, people: readonly Person[]): Promise<void> {
  await sql`UPDATE members m SET first_name = n.first_name, last_name = n.last_name, email = n.email, birthday = n.birthday, time_zone = n.time_zone, custom = n.custom,
      opt_in_state = n.opt_in_state, updated_at = now()
    FROM unnest(${people.map(({ id }) => id)}::uuid[], ${sql.join(fieldArrays(people))}, ${people.map(({ state }) => state)}::text[])
      AS n (id, first_name, last_name, email, birthday, time_zone, custom, opt_in_state)
    WHERE m.id = n.id`.execute(trx)
}

function fieldArrays (people: readonly Person[]) {
  const fields = people.map((person) => person.fields)
  return [
    sql`${fields.map(({ firstName }) => firstName)}::text[]`, sql`${fields.map(({ lastName }) => lastName)}::text[]`, sql`${fields.map(({ email }) => email)}::text[]`,
    sql`${fields.map(({ birthday }) => birthday)}::date[]`, sql`${fields.map(({ timeZone }) => timeZone)}::text[]`, sql`${fields.map(({ custom }) => JSON.stringify(custom))}::jsonb[]`
  ]
}

export interface ImportedWord { memberId: string, phoneHash: Buffer, evidence: object }

/** The database makes the member of a withdrawn number opted out. */
export async function insertWords (trx: TenantDb, action: 'granted' | 'withdrawn', words: readonly ImportedWord[]): Promise<void> {
  await sql`INSERT INTO consent_logs (member_id, phone_hash, action, source, evidence)
    SELECT member_id, phone_hash, ${action}, 'import', evidence FROM unnest(${words.map(({ memberId }) => memberId)}::uuid[],
      ${words.map(({ phoneHash }) => phoneHash)}::bytea[], ${words.map(({ evidence }) => JSON.stringify(evidence))}::jsonb[]) AS g (member_id, phone_hash, evidence)`.execute(trx)
}
