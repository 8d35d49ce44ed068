// The SQL by which conversations find the members of their numbers, many at once.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** Few of the numbers have a conversation: those first, then each one's member by its index, however many members there are. */
export async function updateMembersOf (trx: TenantDb, phoneHashes: readonly Buffer[]): Promise<void> {
  await sql`WITH found AS MATERIALIZED (SELECT id, address_hash, member_id FROM conversations WHERE address_hash = ANY (${phoneHashes}::bytea[]))
    UPDATE conversations c SET member_id = m.id, updated_at = now()
    FROM found f CROSS JOIN LATERAL (SELECT id FROM members WHERE phone_hash = f.address_hash AND deleted_at IS NULL LIMIT 1) m
    WHERE c.id = f.id AND f.member_id IS DISTINCT FROM m.id`.execute(trx)
}
