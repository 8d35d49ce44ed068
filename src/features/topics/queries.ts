// All SQL of topics.
import { type TenantDb } from '../../tenancy/tenant.js'

/** In the order of names, after the name `after`. */
export async function topicsAfter (db: TenantDb, after: string | undefined, limit: number) {
  return await db.selectFrom('topics').select(['name', 'created_at as createdAt'])
    .$if(after !== undefined, (query) => query.where('name', '>', after ?? ''))
    .orderBy('name').limit(limit).execute()
}
