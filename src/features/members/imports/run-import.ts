// Works on one import for a while, batch by batch, and leaves the rest to its next visit, so that a large file keeps no other job waiting.
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { fieldCrypto } from '../../../crypto/fields.js'
import { uuidv7 } from '../../../crypto/uuid.js'
import { recordAudit } from '../../../http/audit.js'
import { type Services } from '../../../services.js'
import { type TenantId } from '../../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../../events/record-event.js'
import { type Batch, BatchOvertaken, importBatch } from './import-batch.js'
import { readRecords } from './parse-csv.js'
import { fileKey, guardImport, type ImportOf } from './plan-import.js'
import { claimImport, type ClaimedImport, finishImport, releaseImport } from './queries.js'
import { type ReadRow, rowReader } from './read-row.js'

const rowsInBatch = 1_000
/** Rows read between two looks at what else waits in this process. */
const rowsInTurn = 100
/** How long one visit goes on, in milliseconds; a batch begun is finished. */
const visitMs = 5_000
const mostTries = 5

export type Visit = 'done' | 'more' | 'elsewhere'

/** `elsewhere`: it has ended, or another run that is alive works on it. @throws problem('STORAGE_UNAVAILABLE') and the tenancy's */
export async function runImport (services: Services, tenantId: TenantId, importId: string, signal: AbortSignal): Promise<Visit> {
  const token = randomUUID()
  const of = { tenantId, importId }
  const found = await services.tenancy.withTenant(tenantId, (db) => claimImport(db, importId, token, services.config.SEND_RECOVERY_MS))
  if (found === undefined) return 'elsewhere'
  // Should this run die, the net finds the claim run out.
  await guardImport(services, of)
  try {
    return await work(services, tenantId, { ...found, token }, signal)
  } finally {
    await services.tenancy.withTenant(tenantId, (db) => releaseImport(db, importId, token))
  }
}

async function work (services: Services, tenantId: TenantId, claimed: ClaimedImport & { token: string }, signal: AbortSignal): Promise<Visit> {
  const of = { tenantId, importId: claimed.id }
  if (claimed.rowsDone === claimed.rows) return await finish(services, of, 'completed')
  const file = await services.storage.get(fileKey(of), { first: claimed.nextOffset, last: Number.MAX_SAFE_INTEGER })
  if (file === undefined) return await finish(services, of, 'failed', 'The file is not in the storage any more. Upload it again.')
  const until = Date.now() + visitMs
  for await (const next of oneAhead(batches(claimed, services.clock.now(), file))) {
    const held = await importWith(services, tenantId, next, claimed)
    if (!held) return 'elsewhere'
    announceEvents(services, tenantId)
    if (Date.now() > until || signal.aborted) return 'more'
    await guardImport(services, of)
  }
  return await finish(services, of, 'completed')
}

type BatchRows = Pick<Batch, 'rows' | 'end'>

async function importWith (services: Services, tenantId: TenantId, { rows, end }: BatchRows, { id, token, options, requestedBy }: ClaimedImport & { token: string }): Promise<boolean> {
  const batch: Batch = {
    importId: id,
    token,
    options,
    by: requestedBy,
    rows,
    end,
    forMs: services.config.SEND_RECOVERY_MS,
    newId: () => uuidv7(services.clock.now().getTime())
  }
  for (let tried = 1; ; tried++) {
    try {
      return await services.tenancy.withTenant(tenantId, (db) => importBatch(db, fieldCrypto(services.keyring, tenantId), batch))
    } catch (error) {
      if (!(error instanceof BatchOvertaken) || tried === mostTries) throw error
    }
  }
}

async function * batches (claimed: ClaimedImport, today: Date, file: Parameters<typeof readRecords>[0]): AsyncGenerator<BatchRows, undefined> {
  const read = rowReader(claimed.columns, claimed.options, today)
  let rows: ReadRow[] = []
  let end = { offset: claimed.nextOffset, row: claimed.lastRow }
  for await (const record of readRecords(file, claimed.delimiter, end)) {
    rows.push(read(record.cells, record.row))
    end = { offset: record.end, row: record.row }
    if (rows.length % rowsInTurn === 0) await turn()
    if (rows.length < rowsInBatch) continue
    yield { rows, end }
    rows = []
  }
  if (rows.length > 0) yield { rows, end }
  return undefined
}

/** Reads the next while the one before is worked on, and no further. */
async function * oneAhead<T> (source: AsyncGenerator<T, undefined>): AsyncGenerator<T> {
  const read = (): Promise<IteratorResult<T, undefined>> => {
    const next = source.next()
    // What goes wrong is met when it is awaited, which is later.
    next.catch(() => undefined)
    return next
  }
  let next = read()
  try {
    for (let now = await next; now.done !== true; now = await next) {
      next = read()
      yield now.value
    }
  } finally {
    await source.return(undefined)
  }
}

async function finish (services: Services, of: ImportOf & { tenantId: TenantId }, status: 'completed' | 'failed', failure: string | null = null): Promise<'done'> {
  await services.tenancy.withTenant(of.tenantId, async (db) => {
    await endImport(db, of.importId, status, failure)
  })
  announceEvents(services, of.tenantId)
  await services.storage.delete(fileKey(of))
  return 'done'
}

async function endImport (db: Parameters<typeof finishImport>[0], importId: string, status: 'completed' | 'failed', failure: string | null): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const ended = await finishImport(trx, importId, status, failure)
    if (ended === undefined) return
    const { requestedBy, ...counts } = ended
    await recordAudit(trx, requestedBy, { action: `member_import.${status}`, subjectKind: 'member_import', subjectId: importId, after: counts })
    await recordEvents(trx, [{ type: 'import.progress', data: { importId, status, counts } }])
  })
}

/** For one that failed for good. */
export async function failImport (services: Services, tenantId: TenantId, importId: string, failure: string): Promise<void> {
  await finish(services, { tenantId, importId }, 'failed', failure)
}
