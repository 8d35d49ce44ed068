// The SQL by which conversations find the members of their numbers, many at once.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

export async function updateMembersOf (trx: TenantDb, phoneHashes: readonly Buffer[]): Promise<void> {
  await sql`UPDATE conversations c SET member_id = m.id, updated_at = now() FROM members m
    WHERE c.address_hash = ANY (${phoneHashes}::bytea[]) AND m.phone_hash = c.address_hash AND m.deleted_at IS NULL AND c.member_id IS DISTINCT FROM m.id`.execute(trx)
}
