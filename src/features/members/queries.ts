// All SQL of members.
import { type InferResult, type Insertable, type RawBuilder, sql } from 'kysely'
import { queryBuilder } from '../../tenancy/query-builder.js'
import { type TenantDatabase, type TenantDb } from '../../tenancy/tenant.js'
import { type OptInState } from './schemas.js'

type Members = Insertable<TenantDatabase['members']>
/** A column left undefined keeps its default, or what it had. */
export type MemberColumns = { [Column in keyof Members]?: Members[Column] | undefined }
type RequiredColumns = Pick<Members, 'first_name' | 'last_name' | 'phone_cipher' | 'phone_hash'>
export type MemberRow = InferResult<typeof memberById>[number]

/** The hot read of the service: one statement, compiled once. */
const memberById = selectMembers(queryBuilder).where('m.id', '=', sql<string>`${''}`).compile()

export async function findMember (db: TenantDb, id: string): Promise<MemberRow | undefined> {
  const { query, queryId, sql } = memberById
  const { rows } = await db.executeQuery<MemberRow>({ query, queryId, sql, parameters: [id] })
  return rows[0]
}

/** What a change of a member depends on, locked until the transaction ends. */
export async function lockMember (trx: TenantDb, id: string): Promise<{ phone_hash: Buffer, opt_in_state: OptInState } | undefined> {
  return trx.selectFrom('members').select(['phone_hash', 'opt_in_state']).where('id', '=', id).where('deleted_at', 'is', null).forUpdate().executeTakeFirst()
}

/** Undefined when there is no such member. */
export async function findPhone (db: TenantDb, id: string): Promise<{ phone_hash: Buffer, phone_cipher: Buffer } | undefined> {
  return await db.selectFrom('members').select(['phone_hash', 'phone_cipher']).where('id', '=', id).where('deleted_at', 'is', null).executeTakeFirst()
}

export async function findByPhone (db: TenantDb, phoneHash: Buffer) {
  return db.selectFrom('members').select(['id', 'first_name', 'last_name', 'phone_cipher', 'opt_in_state'])
    .where('phone_hash', '=', phoneHash).where('deleted_at', 'is', null).executeTakeFirst()
}

export async function insertMember (trx: TenantDb, columns: MemberColumns & RequiredColumns): Promise<string> {
  const { id } = await trx.insertInto('members').values(columns).returning('id').executeTakeFirstOrThrow()
  return id
}

export async function softDeleteMember (trx: TenantDb, id: string): Promise<void> {
  await trx.updateTable('members').set({ deleted_at: sql`now()`, updated_at: sql`now()` }).where('id', '=', id).execute()
}

export async function updateMember (trx: TenantDb, id: string, columns: MemberColumns): Promise<void> {
  await trx.updateTable('members').set({ ...columns, updated_at: sql`now()` }).where('id', '=', id).execute()
}

export interface MemberFilter {
  /** Lower-case parts that must all be in the names or the e-mail address. */
  words: readonly string[]
  /** Finds by phone as well. */
  phoneHash?: Buffer | undefined
  branchId?: string | undefined
  tag?: string | undefined
  optInState?: OptInState | undefined
  /** More that must be true of the member, whose row is `m`. */
  condition?: RawBuilder<boolean> | undefined
  /** Sort key of the last row seen: last name, first name (both lower case), id. */
  after?: string[] | undefined
  limit: number
}

/** By last name, first name, id, through the index members_order. */
export async function membersAfter (db: TenantDb, { words, phoneHash, branchId, tag, optInState, condition, after, limit }: MemberFilter) {
  return selectMembers(db)
    .select([sql<string>`lower(m.last_name)`.as('sortLastName'), sql<string>`lower(m.first_name)`.as('sortFirstName')])
    .where((eb) => {
      const named = eb.and(words.map((word) => eb('m.search_text', 'like', `%${word.replace(/[\\%_]/g, '\\$&')}%`)))
      return phoneHash === undefined ? named : eb.or([named, eb('m.phone_hash', '=', phoneHash)])
    })
    .$if(branchId !== undefined, (query) => query.where((eb) => eb.exists(
      eb.selectFrom('member_branches as mb').select('mb.member_id').whereRef('mb.member_id', '=', 'm.id').where('mb.branch_id', '=', branchId ?? ''))))
    .$if(tag !== undefined, (query) => query.where((eb) => eb.exists(
      eb.selectFrom('member_tags as mt').innerJoin('tags as t', 't.id', 'mt.tag_id').select('mt.member_id')
        .whereRef('mt.member_id', '=', 'm.id').where(sql<boolean>`lower(t.name) = lower(${tag})`))))
    .$if(optInState !== undefined, (query) => query.where('m.opt_in_state', '=', optInState ?? 'pending'))
    .$if(condition !== undefined, (query) => query.where(condition ?? sql<boolean>`true`))
    .$if(after !== undefined, (query) => query.where(
      sql<boolean>`(lower(m.last_name), lower(m.first_name), m.id) > (${sql.join(after ?? [], sql`, `)}::uuid)`))
    .orderBy(sql`lower(m.last_name)`).orderBy(sql`lower(m.first_name)`).orderBy('m.id').limit(limit).execute()
}

/** Makes these the member's branches; false when one of them does not exist. */
export async function replaceBranches (trx: TenantDb, memberId: string, branchIds: readonly string[]): Promise<boolean> {
  const wanted = [...new Set(branchIds)]
  await trx.deleteFrom('member_branches').where('member_id', '=', memberId).where('branch_id', '!=', sql<string>`ALL (${wanted}::uuid[])`).execute()
  await trx.insertInto('member_branches').columns(['member_id', 'branch_id'])
    .expression((eb) => eb.selectFrom('branches as b').select([sql<string>`${memberId}::uuid`.as('member_id'), 'b.id'])
      .where('b.id', '=', sql<string>`ANY (${wanted}::uuid[])`))
    .onConflict((conflict) => conflict.doNothing()).execute()
  const { count } = await trx.selectFrom('member_branches').select(sql<number>`count(*)::integer`.as('count')).where('member_id', '=', memberId).executeTakeFirstOrThrow()
  return count === wanted.length
}

function selectMembers (db: TenantDb) {
  return db.selectFrom('members as m').where('m.deleted_at', 'is', null).select([
    'm.id', 'm.first_name as firstName', 'm.last_name as lastName', 'm.phone_cipher as phoneCipher', 'm.email',
    sql<string | null>`m.birthday::text`.as('birthday'), 'm.opt_in_state as optInState', 'm.time_zone as timeZone',
    sql<Record<string, unknown>>`m.custom`.as('custom'), 'm.created_at as createdAt', 'm.updated_at as updatedAt',
    sql<Array<{ id: string, name: string }>>`coalesce((SELECT json_agg(json_build_object('id', b.id, 'name', b.name) ORDER BY lower(b.name))
      FROM member_branches mb JOIN branches b ON b.id = mb.branch_id WHERE mb.member_id = m.id), '[]')`.as('branches'),
    sql<string[]>`coalesce((SELECT json_agg(t.name ORDER BY lower(t.name))
      FROM member_tags mt JOIN tags t ON t.id = mt.tag_id WHERE mt.member_id = m.id), '[]')`.as('tags')
  ])
}
