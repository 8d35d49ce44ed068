// Whether a message that has yet to leave, in whole or in part, shows a file.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

export async function awaitsMedia (db: TenantDb, mediaId: string): Promise<boolean> {
  const found = await db.selectFrom('messages').select('id').where('status', 'in', ['draft', 'scheduled', 'sending', 'paused'])
    .where(sql<boolean>`${mediaId}::uuid = ANY (media_ids)`).limit(1).executeTakeFirst()
  return found !== undefined
}
