// The whole content of a tenant's database as one checksum a table.
import { sql } from 'kysely'
import { type TenantDb } from '../../src/tenancy/tenant.js'

export async function checksumDatabase (db: TenantDb): Promise<Record<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`.execute(db)
  const sums: Record<string, string> = {}
  for (const { name } of tables) {
    const { rows: [found] } = await sql<{ sum: string }>`
      SELECT count(*) || ' ' || md5(coalesce(string_agg(row::text, E'\n' ORDER BY row::text), '')) AS sum FROM ${sql.table(name)} AS row`.execute(db)
    sums[name] = found?.sum ?? ''
  }
  return sums
}
