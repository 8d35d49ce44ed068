// All SQL of admins as their colleagues see them; that of signing in is in auth.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** By last name, first name, id; `after`: those three of the last one seen, the names in lower case. */
export async function adminsAfter (db: TenantDb, after: string[] | undefined, limit: number) {
  return await db.selectFrom('admins').select([
    'id', 'email', 'first_name as firstName', 'last_name as lastName', 'role', 'status',
    sql<string>`lower(last_name)`.as('sortLastName'), sql<string>`lower(first_name)`.as('sortFirstName')
  ])
    .$if(after !== undefined, (query) => query.where(sql<boolean>`(lower(last_name), lower(first_name), id) > (${sql.join(after ?? [], sql`, `)}::uuid)`))
    .orderBy(sql`lower(last_name)`).orderBy(sql`lower(first_name)`).orderBy('id').limit(limit).execute()
}

export type AdminRow = Awaited<ReturnType<typeof adminsAfter>>[number]
