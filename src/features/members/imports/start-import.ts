// Takes a checked file in as an import: the bytes are in the storage and the jobs are planned before the row is, so a crash between loses nothing.
import { createReadStream } from 'node:fs'
import { uuidv7 } from '../../../crypto/uuid.js'
import { problem } from '../../../errors.js'
import { recordAudit, type RequestedBy } from '../../../http/audit.js'
import { type Services } from '../../../services.js'
import { type Tenant, type TenantDb } from '../../../tenancy/tenant.js'
import { violatedConstraint } from '../../../tenancy/violated-constraint.js'
import { countryOf } from '../../settings/phone-country.js'
import { fileKey, guardImport, planDiscard, wakeImport } from './plan-import.js'
import { findImport, type ImportRow, insertImport, type NewImport } from './queries.js'
import { type ImportUpload } from './receive-csv.js'
import { type ImportOptions } from './schemas.js'

/** How long an import and its report can be read. */
const keptForMs = 30 * 24 * 3_600_000

type Needs = Pick<Services, 'storage' | 'jobs' | 'config' | 'log' | 'clock'>

/** @throws problem('IMPORT_UNFINISHED'), 'STORAGE_UNAVAILABLE' */
export async function startImport (services: Needs, db: TenantDb, tenant: Tenant, upload: ImportUpload, options: ImportOptions, by: RequestedBy): Promise<ImportRow> {
  const now = services.clock.now().getTime()
  const defaultCountry = options.defaultCountry ?? await countryOf(db, tenant)
  const of = { tenantId: tenant.id, importId: uuidv7(now) }
  const expiresAt = new Date(now + keptForMs)
  await planDiscard(services, of, expiresAt)
  await guardImport(services, of)
  const { path, sha256, size } = upload.text
  await services.storage.put(fileKey(of), { sha256, size, contentType: 'text/csv', open: () => createReadStream(path) })
  const columns = columnsOf(of.importId, upload, { ...options, ...(defaultCountry === undefined ? {} : { defaultCountry }) }, by, expiresAt)
  try {
    await db.transaction().execute(async (trx) => {
      await insertImport(trx, columns)
      await recordAudit(trx, by, { action: 'member_import.started', subjectKind: 'member_import', subjectId: of.importId, after: { rows: columns.rows, dryRun: columns.dry_run } })
    })
  } catch (error) {
    await services.storage.delete(fileKey(of))
    if (violatedConstraint(error) === 'member_imports_unfinished') throw problem('IMPORT_UNFINISHED', { cause: error })
    throw error
  }
  await wakeImport(services, of)
  const row = await findImport(db, of.importId)
  if (row === undefined) throw problem('IMPORT_NOT_FOUND')
  return row
}

function columnsOf (id: string, { text, inspected, name }: ImportUpload, options: ImportOptions, by: RequestedBy, expiresAt: Date): NewImport {
  const { columns, delimiter, rows, begin } = inspected
  return {
    id,
    dry_run: options.dryRun ?? false,
    file_name: name,
    encoding: text.encoding,
    options,
    columns,
    delimiter,
    requested_by: by,
    rows,
    next_offset: begin.offset,
    last_row: begin.row,
    created_by: by.adminId,
    expires_at: expiresAt
  }
}
