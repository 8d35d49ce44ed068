// All SQL of branches.
import { type Selectable, sql } from 'kysely'
import { type TenantDatabase, type TenantDb } from '../../tenancy/tenant.js'

export type BranchRow = Pick<Selectable<TenantDatabase['branches']>, 'id' | 'name' | 'address' | 'time_zone' | 'is_active' | 'created_at' | 'updated_at'> & { member_count: number, sort_name: string }

interface BranchColumns { name?: string | undefined, address?: string | null | undefined, time_zone?: string | null | undefined, is_active?: boolean | undefined }

export async function insertBranch (db: TenantDb, columns: BranchColumns & { name: string }): Promise<string> {
  const { id } = await db.insertInto('branches').values(columns).returning('id').executeTakeFirstOrThrow()
  return id
}

/** False when there is no such branch. */
export async function updateBranch (db: TenantDb, id: string, columns: BranchColumns): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('branches').set({ ...columns, updated_at: sql`now()` }).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function removeBranch (db: TenantDb, id: string): Promise<{ name: string } | undefined> {
  return db.deleteFrom('branches').where('id', '=', id).returning('name').executeTakeFirst()
}

export async function findBranch (db: TenantDb, id: string): Promise<BranchRow | undefined> {
  return selectBranches(db).where('b.id', '=', id).executeTakeFirst()
}

/** In the order of names, after `after` (a `sort_name`). */
export async function branchesAfter (db: TenantDb, after: string | undefined, limit: number): Promise<BranchRow[]> {
  return selectBranches(db)
    .$if(after !== undefined, (query) => query.where(sql<boolean>`lower(b.name) > ${after}`))
    .orderBy(sql`lower(b.name)`).limit(limit).execute()
}

function selectBranches (db: TenantDb) {
  return db.selectFrom('branches as b').select((eb) => [
    'b.id', 'b.name', 'b.address', 'b.time_zone', 'b.is_active', 'b.created_at', 'b.updated_at',
    sql<string>`lower(b.name)`.as('sort_name'),
    eb.selectFrom('member_branches as mb').innerJoin('members as m', 'm.id', 'mb.member_id')
      .whereRef('mb.branch_id', '=', 'b.id').where('m.deleted_at', 'is', null)
      .select(sql<number>`count(*)::integer`.as('count')).$asScalar().$notNull().as('member_count')
  ])
}
