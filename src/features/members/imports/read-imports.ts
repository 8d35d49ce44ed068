// Reads imports, and ends one that is no longer wanted.
import { type FieldCrypto } from '../../../crypto/fields.js'
import { problem } from '../../../errors.js'
import { recordAudit, type RequestedBy } from '../../../http/audit.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../../http/pagination.js'
import { toTimestamp } from '../../../http/wire.js'
import { type TenantDb } from '../../../tenancy/tenant.js'
import { recordEvents } from '../../events/record-event.js'
import { findImport, finishImport, type ImportRow, importsBefore } from './queries.js'
import { type Import } from './schemas.js'

const LIST = 'member-imports'

/** @throws problem('CURSOR_INVALID') */
export async function listImports (db: TenantDb, fields: FieldCrypto, { limit, cursor }: { limit: number, cursor?: string }): Promise<Page<Import>> {
  const rows = await importsBefore(db, decodeCursor(fields, LIST, cursor, 1)?.[0], limit + 1)
  return toPage(rows, limit, toWire, ({ id }) => encodeCursor(fields, LIST, [id]))
}

/** @throws problem('IMPORT_NOT_FOUND') */
export async function getImport (db: TenantDb, id: string): Promise<ImportRow> {
  const row = await findImport(db, id)
  if (row === undefined) throw problem('IMPORT_NOT_FOUND')
  return row
}

/** What is imported already stays, and is in the report. Call `announceEvents` after it. @throws problem('IMPORT_NOT_FOUND'), 'IMPORT_FINISHED' */
export async function cancelImport (db: TenantDb, id: string, by: RequestedBy): Promise<ImportRow> {
  await db.transaction().execute(async (trx) => {
    await getImport(trx, id)
    const ended = await finishImport(trx, id, 'cancelled')
    if (ended === undefined) throw problem('IMPORT_FINISHED')
    const { requestedBy: _, ...counts } = ended
    await recordAudit(trx, by, { action: 'member_import.cancelled', subjectKind: 'member_import', subjectId: id, after: counts })
    await recordEvents(trx, [{ type: 'import.progress', data: { importId: id, status: 'cancelled', counts } }])
  })
  return await getImport(db, id)
}

export function toWire (row: ImportRow): Import {
  const { rows, created, updated, unchanged, duplicates, invalid } = row
  return {
    id: row.id,
    status: row.status,
    failure: row.failure,
    dryRun: row.dry_run,
    fileName: row.file_name,
    encoding: row.encoding,
    columns: row.columns,
    defaultCountry: row.default_country,
    counts: { rows, created, updated, unchanged, duplicates, invalid },
    createdAt: toTimestamp(row.created_at),
    finishedAt: row.finished_at === null ? null : toTimestamp(row.finished_at),
    expiresAt: toTimestamp(row.expires_at)
  }
}
