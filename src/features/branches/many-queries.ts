// The SQL of putting many members into branches at once.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** In one order, so that two who make the same branches never wait for each other. */
export async function insertMissingBranches (trx: TenantDb, names: readonly string[]): Promise<void> {
  await sql`INSERT INTO branches (name) SELECT name FROM unnest(${names}::text[]) AS name ORDER BY lower(name) ON CONFLICT DO NOTHING`.execute(trx)
}

/** The id of each that exists, under the name it was asked for by. */
export async function findBranchIds (trx: TenantDb, names: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string, id: string }>`SELECT asked.name, b.id FROM unnest(${names}::text[]) AS asked (name) JOIN branches b ON lower(b.name) = lower(asked.name)`.execute(trx)
  return new Map(rows.map(({ name, id }) => [name, id]))
}

/** What is there already stays. */
export async function insertMemberBranches (trx: TenantDb, pairs: ReadonlyArray<{ memberId: string, branchId: string }>): Promise<void> {
  await sql`INSERT INTO member_branches (member_id, branch_id) SELECT * FROM unnest(${pairs.map(({ memberId }) => memberId)}::uuid[], ${pairs.map(({ branchId }) => branchId)}::uuid[])
    ON CONFLICT DO NOTHING`.execute(trx)
}
