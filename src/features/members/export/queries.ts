// The SQL of exports.
import { sql } from 'kysely'
import { type TenantDb } from '../../../tenancy/tenant.js'

const mostCustomColumns = 150

/** The names of the organization's own fields, those that most members have first; the rarest beyond 150 are left out. */
export async function customKeysOfMembers (db: TenantDb): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`SELECT key FROM members, jsonb_each(custom) AS own (key, value) WHERE deleted_at IS NULL AND custom <> '{}' AND value NOT IN ('null', '""')
    GROUP BY key ORDER BY count(*) DESC, key LIMIT ${mostCustomColumns}`.execute(db)
  return rows.map(({ key }) => key)
}
