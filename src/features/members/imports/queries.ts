// The SQL of imports themselves: how far each is, who works on it, what became of its rows.
import { type Selectable, sql } from 'kysely'
import { type TenantDatabase, type TenantDb } from '../../../tenancy/tenant.js'
import { type RequestedBy } from '../../../http/audit.js'
import { type RowOutcome } from './decide-rows.js'
import { type ColumnMapping, type ImportOptions } from './schemas.js'

export type ImportRow = Awaited<ReturnType<typeof importsBefore>>[number]
export type Counts = Pick<Selectable<TenantDatabase['member_imports']>, 'created' | 'updated' | 'unchanged' | 'duplicates' | 'invalid'>

// What `insertImport` writes as JSON, as it comes back.
const options = sql<ImportOptions>`options`.as('options')
const columns = sql<ColumnMapping[]>`columns`.as('columns')
const requestedBy = sql<RequestedBy>`requested_by`.as('requestedBy')

export interface NewImport {
  id: string
  dry_run: boolean
  file_name: string | null
  encoding: string
  options: ImportOptions
  columns: ColumnMapping[]
  delimiter: string
  requested_by: RequestedBy
  rows: number
  next_offset: number
  last_row: number
  created_by: string
  expires_at: Date
}

export async function insertImport (trx: TenantDb, row: NewImport): Promise<void> {
  const json = { options: JSON.stringify(row.options), columns: JSON.stringify(row.columns), requested_by: JSON.stringify(row.requested_by) }
  await trx.insertInto('member_imports').values({ ...row, ...json }).execute()
}

export async function findImport (db: TenantDb, id: string): Promise<ImportRow | undefined> {
  return await selectImports(db).where('id', '=', id).executeTakeFirst()
}

/** The latest first; `before`: id of the last one seen. */
export async function importsBefore (db: TenantDb, before: string | undefined, limit: number) {
  return await selectImports(db).$if(before !== undefined, (query) => query.where('id', '<', before ?? '')).orderBy('id', 'desc').limit(limit).execute()
}

/** Undefined when it has ended, or while another run that is alive works on it. */
export async function claimImport (db: TenantDb, id: string, token: string, forMs: number) {
  return await db.updateTable('member_imports').set({ status: 'running', claim_token: token, claimed_until: sql`now() + ${forMs} * interval '1 millisecond'` })
    .where('id', '=', id).where('finished_at', 'is', null).where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<', sql<Date>`now()`)]))
    .returning(['id', 'dry_run as dryRun', options, columns, 'delimiter', requestedBy, 'rows', 'rows_done as rowsDone', sql<number>`next_offset::float8`.as('nextOffset'), 'last_row as lastRow'])
    .executeTakeFirst()
}

export type ClaimedImport = NonNullable<Awaited<ReturnType<typeof claimImport>>>

/** False when it was cancelled, or taken over by another run. Holds the import until the transaction ends. */
export async function holdClaim (trx: TenantDb, id: string, token: string): Promise<boolean> {
  const held = await trx.selectFrom('member_imports').select('id').where('id', '=', id).where('claim_token', '=', token).where('finished_at', 'is', null).forUpdate().executeTakeFirst()
  return held !== undefined
}

export async function releaseImport (db: TenantDb, id: string, token: string): Promise<void> {
  await db.updateTable('member_imports').set({ claim_token: null, claimed_until: null }).where('id', '=', id).where('claim_token', '=', token).execute()
}

/** In the transaction that did the rows. @returns what is done by now */
export async function advanceImport (trx: TenantDb, id: string, { counts, offset, row, forMs }: { counts: Counts, offset: number, row: number, forMs: number }): Promise<Counts & { rows: number }> {
  return await trx.updateTable('member_imports').set((eb) => ({
    created: eb('created', '+', counts.created),
    updated: eb('updated', '+', counts.updated),
    unchanged: eb('unchanged', '+', counts.unchanged),
    duplicates: eb('duplicates', '+', counts.duplicates),
    invalid: eb('invalid', '+', counts.invalid),
    next_offset: offset,
    last_row: row,
    claimed_until: sql<Date>`now() + ${forMs} * interval '1 millisecond'`
  })).where('id', '=', id).returning(['rows', 'created', 'updated', 'unchanged', 'duplicates', 'invalid']).executeTakeFirstOrThrow()
}

/** Undefined when it has ended already. */
export async function finishImport (trx: TenantDb, id: string, status: 'completed' | 'cancelled' | 'failed', failure: string | null = null) {
  return await trx.updateTable('member_imports').set({ status, failure, finished_at: sql`now()`, claim_token: null, claimed_until: null })
    .where('id', '=', id).where('finished_at', 'is', null).returning(['rows', 'created', 'updated', 'unchanged', 'duplicates', 'invalid', requestedBy]).executeTakeFirst()
}

export async function deleteImport (trx: TenantDb, id: string): Promise<void> {
  await trx.deleteFrom('member_imports').where('id', '=', id).execute()
}

export async function insertOutcomes (trx: TenantDb, importId: string, outcomes: readonly RowOutcome[]): Promise<void> {
  await sql`INSERT INTO member_import_rows (import_id, row_number, outcome, reason, member_id, phone_hash)
    SELECT ${importId}::uuid, * FROM unnest(${outcomes.map(({ row }) => row)}::integer[], ${outcomes.map(({ outcome }) => outcome)}::text[],
      ${outcomes.map(({ reason }) => reason)}::text[], ${outcomes.map(({ memberId }) => memberId)}::uuid[], ${outcomes.map(({ phoneHash }) => phoneHash)}::bytea[])`.execute(trx)
}

/** In the order of the file. */
export async function outcomesAfter (db: TenantDb, importId: string, row: number, limit: number) {
  return await db.selectFrom('member_import_rows').select(['row_number as row', 'outcome', 'reason', 'member_id as memberId'])
    .where('import_id', '=', importId).where('row_number', '>', row).orderBy('row_number').limit(limit).execute()
}

function selectImports (db: TenantDb) {
  return db.selectFrom('member_imports').select([
    'id', 'status', 'failure', 'dry_run', 'file_name', 'encoding', columns, sql<string | null>`options ->> 'defaultCountry'`.as('default_country'), 'rows', 'rows_done', 'created', 'updated', 'unchanged', 'duplicates', 'invalid',
    'created_by', 'created_at', 'finished_at', 'expires_at'
  ])
}
