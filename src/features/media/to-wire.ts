// A file's row as the wire has it.
import { toTimestamp } from '../../http/wire.js'
import { type MediaRow } from './queries.js'
import { type Media } from './schemas.js'

export function toWire (row: MediaRow): Media {
  return {
    id: row.id,
    origin: row.origin,
    contentType: row.contentType,
    size: row.size,
    originalSize: row.originalSize,
    width: row.width,
    height: row.height,
    name: row.name,
    url: contentPath(row.id),
    createdAt: toTimestamp(row.createdAt)
  }
}

/** Below the address of the API; asks for a token as every path there does. */
export function contentPath (mediaId: string): string {
  return `/api/media/${mediaId}/content`
}
