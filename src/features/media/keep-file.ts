// Puts a file into the storage and writes down what it is: once, however often the same bytes come.
import { createHash } from 'node:crypto'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type NewObject, storageKey } from '../../providers/storage/storage.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { findBySource, insertMedia, lockContent, type MediaRow } from './queries.js'
import { planSweep } from './plan-sweep.js'

/** What is kept of a file; width and height of a picture in pixels. */
export interface KeptContent extends NewObject { width: number | null, height: number | null }

export interface NewFile {
  origin: 'upload' | 'inbound'
  /** Of the bytes as they came. */
  sha256: Buffer
  size: number
  name: string | null
  content: KeptContent
  /** Null for what members send. */
  by: RequestedBy | null
}

type Keeping = Pick<Services, 'storage' | 'jobs' | 'clock'>

/**
 * The bytes are in the storage before the row is, so a crash between leaves bytes that nothing names: the next try uses them, or the
 * sweep that is planned before removes them.
 * @returns the row, and whether it is new
 * @throws problem('STORAGE_UNAVAILABLE')
 */
export async function keepFile (services: Keeping, db: TenantDb, tenantId: string, file: NewFile): Promise<{ row: MediaRow, isNew: boolean }> {
  const { storage } = services
  const known = await findBySource(db, file.sha256, file.origin)
  if (known !== undefined && await storage.exists(storageKey(tenantId, known.contentSha256))) return { row: known, isNew: false }
  const key = storageKey(tenantId, file.content.sha256)
  await planSweep(services, tenantId)
  await storage.put(key, file.content)
  const kept = await db.transaction().execute(async (trx) => {
    await lockContent(trx, file.content.sha256)
    const { isNew, ...row } = await insertMedia(trx, file)
    if (isNew && file.by !== null) await recordAudit(trx, file.by, { action: 'media.uploaded', subjectKind: 'media', subjectId: row.id, after: { contentType: row.contentType, size: row.size } })
    return { row, isNew }
  })
  // Whoever deleted another file of the same bytes meanwhile may have taken them along. From the commit on nobody does.
  if (!await storage.exists(key)) await storage.put(key, file.content)
  return kept
}

export function sha256Of (content: Buffer): Buffer {
  return createHash('sha256').update(content).digest()
}
