// The SQL of tagging many members at once.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** The id of each that exists, under the name it was asked for by. */
export async function findTagIds (trx: TenantDb, names: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string, id: string }>`SELECT asked.name, t.id FROM unnest(${names}::text[]) AS asked (name) JOIN tags t ON lower(t.name) = lower(asked.name)`.execute(trx)
  return new Map(rows.map(({ name, id }) => [name, id]))
}

/** What is there already stays. */
export async function insertMemberTags (trx: TenantDb, pairs: ReadonlyArray<{ memberId: string, tagId: string }>): Promise<void> {
  await sql`INSERT INTO member_tags (member_id, tag_id) SELECT * FROM unnest(${pairs.map(({ memberId }) => memberId)}::uuid[], ${pairs.map(({ tagId }) => tagId)}::uuid[])
    ON CONFLICT DO NOTHING`.execute(trx)
}
