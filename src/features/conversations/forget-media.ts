// Marks a file as deleted in every text that shows it.
import { type TenantDb } from '../../tenancy/tenant.js'
import { messagesShowing, updateMedia } from './media-queries.js'

/** In the transaction that deletes the file. */
export async function forgetMedia (trx: TenantDb, mediaId: string): Promise<void> {
  for (const { id, media } of await messagesShowing(trx, mediaId)) {
    await updateMedia(trx, { id, media: media.map((one) => one.mediaId === mediaId ? { ...one, mediaId: null, state: 'deleted' } : one) })
  }
}
