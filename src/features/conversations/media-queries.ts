// The SQL of what texts show beside their words, once they are written.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { readStoredMedia, type StoredMedia } from './stored-media.js'

export interface MessageMedia { id: string, media: StoredMedia[] }

/** An inbound text by the carrier's id; `lock`: until the transaction ends nobody else changes it. */
export async function findInboundMedia (db: TenantDb, providerMessageId: string, lock: boolean): Promise<MessageMedia | undefined> {
  const row = await db.selectFrom('conversation_messages').select(['id', 'media']).where('provider_message_id', '=', providerMessageId)
    .$if(lock, (query) => query.forUpdate()).executeTakeFirst()
  return row === undefined ? undefined : { id: row.id, media: readStoredMedia(row.media) }
}

/** Every text that shows this file, locked in the order of ids. */
export async function messagesShowing (trx: TenantDb, mediaId: string): Promise<MessageMedia[]> {
  const rows = await trx.selectFrom('conversation_messages').select(['id', 'media'])
    .where(sql<boolean>`media <> '[]'`).where(sql<boolean>`media @> ${JSON.stringify([{ mediaId }])}::jsonb`)
    .orderBy('id').forUpdate().execute()
  return rows.map(({ id, media }) => ({ id, media: readStoredMedia(media) }))
}

export async function updateMedia (trx: TenantDb, { id, media }: MessageMedia): Promise<void> {
  await trx.updateTable('conversation_messages').set({ media: JSON.stringify(media) }).where('id', '=', id).execute()
}
