// Says whether files can go out with a message, and keeps them from being deleted until it is written.
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { mostInMessage, mostMedia } from './limits.js'
import { holdMedia, type MediaRow } from './queries.js'

/**
 * In the transaction that writes the message; the files in the order of `mediaIds`. What is behind `mediaUrls` is somebody
 * else's, so its size is not known.
 * @throws problem('MEDIA_NOT_FOUND'), 'MEDIA_NOT_SENDABLE' for what a member sent, 'MEDIA_TOO_LARGE_TOGETHER', or 'VALIDATION_FAILED'
 * for more than ten in all
 */
export async function holdForMessage (trx: TenantDb, mediaIds: readonly string[], mediaUrls: readonly string[]): Promise<MediaRow[]> {
  if (mediaIds.length === 0) return []
  if (mediaIds.length + mediaUrls.length > mostMedia) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/mediaIds', message: `must not be more than ${mostMedia} together with mediaUrls` }] })
  }
  const found = new Map((await holdMedia(trx, mediaIds)).map((row) => [row.id, row]))
  const rows = mediaIds.map((id) => {
    const row = found.get(id.toLowerCase())
    if (row === undefined) throw problem('MEDIA_NOT_FOUND', { detail: `No file has the id ${id}. Nothing was queued; upload it with POST /api/media.`, errors: [{ path: '/body/mediaIds', message: `${id} does not exist` }] })
    if (row.origin !== 'upload') throw problem('MEDIA_NOT_SENDABLE')
    return row
  })
  const total = rows.reduce((sum, { size }) => sum + size, 0)
  if (total > mostInMessage) {
    throw problem('MEDIA_TOO_LARGE_TOGETHER', { detail: `These files have ${Math.ceil(total / 1_000)} KB together and may have ${mostInMessage / 1_000}; 600 KB arrive everywhere. Leave some out, or send them one by one.` })
  }
  return rows
}
