// Deletes a file and its bytes, unless a message that has yet to leave shows it.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Storage, storageKey } from '../../providers/storage/storage.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { forgetMedia } from '../conversations/forget-media.js'
import { awaitsMedia } from '../messages/awaits-media.js'
import { lockContent, lockMedia, removeMedia } from './queries.js'

/** Texts that showed it say so. @throws problem('MEDIA_NOT_FOUND'), 'MEDIA_IN_USE', 'STORAGE_UNAVAILABLE'; then nothing is deleted */
export async function deleteMedia (storage: Storage, db: TenantDb, tenantId: string, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await lockMedia(trx, id)
    if (row === undefined) throw problem('MEDIA_NOT_FOUND')
    if (await awaitsMedia(trx, id)) throw problem('MEDIA_IN_USE')
    await forgetMedia(trx, id)
    await lockContent(trx, row.contentSha256)
    const isShared = await removeMedia(trx, id, row.contentSha256)
    await recordAudit(trx, by, { action: 'media.deleted', subjectKind: 'media', subjectId: id, before: { contentType: row.contentType, size: row.size } })
    // Within the lock: an upload of the same bytes finds them, or sees that they are gone and brings its own.
    if (!isShared) await storage.delete(storageKey(tenantId, row.contentSha256))
  })
}
