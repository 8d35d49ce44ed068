// A tenant's database as a stream of parts, all of one moment: each table's rows, then its digest; the sequences; the end.
import { type ClientBase } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { digesting, type TableDigest } from './table-digest.js'
import { copyOutStatement, listTables, qualified, readSequences, type SequenceState, type Table, writeExactly } from './tables.js'

export type DatabasePart =
  | { part: 'table', table: Pick<Table, 'schema' | 'name' | 'columns'> }
  | { part: 'rows', rows: Buffer }
  | { part: 'table-end', digest: TableDigest }
  | { part: 'sequences', sequences: SequenceState[] }
  | { part: 'end', tables: number }

export interface ReadOptions {
  /** Bytes read of how many there are, about. */
  progress: (done: number, total: number) => void
  signal: AbortSignal
  tables?: readonly Table[]
}

/** A table may take this long; a client that has gone away is noticed long before. */
const TABLE_TIMEOUT = '2h'

/**
 * From here on everything is read as of one moment, and no migration changes a table until the transaction ends: one that is
 * under way is waited for. As a role that owns what is read; requests go on meanwhile. `access`: to make temporary tables beside it.
 */
export async function openSnapshot (client: ClientBase, access: 'READ ONLY' | 'READ WRITE' = 'READ ONLY'): Promise<Table[]> {
  await writeExactly(client)
  await client.query(`SET statement_timeout = '${TABLE_TIMEOUT}'; SET idle_in_transaction_session_timeout = '10min'; SET lock_timeout = '30s'`)
  const expected = await listTables(client)
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ ${access}`)
  // A lock takes no snapshot: the first SELECT after it does, so what is seen is what is locked.
  if (expected.length > 0) await client.query(`LOCK TABLE ${expected.map(qualified).join(', ')} IN ACCESS SHARE MODE`)
  const tables = await listTables(client)
  if (JSON.stringify(tables) !== JSON.stringify(expected)) throw new Error('The database was migrated just as it was to be read. Try again.')
  return tables
}

/** `tables`: of a snapshot that is open; else one is opened. Memory does not grow with the tables. */
export async function * readDatabase (client: ClientBase, { progress, signal, tables: opened }: ReadOptions): AsyncGenerator<DatabasePart, void> {
  const tables = opened ?? await openSnapshot(client)
  const { rows: [size] } = await client.query<{ bytes: string }>('SELECT pg_database_size(current_database())::text AS bytes')
  const total = Number(size?.bytes ?? 0)
  let done = 0
  for (const { orderBy, ...table } of tables) {
    signal.throwIfAborted()
    yield { part: 'table', table }
    const digest = digesting()
    for await (const chunk of client.query(copyTo(copyOutStatement({ ...table, orderBy })))) {
      const rows = chunk as Buffer
      digest.add(rows)
      yield { part: 'rows', rows }
      signal.throwIfAborted()
      progress(Math.min(total, done + digest.bytes()), total)
    }
    done += digest.bytes()
    yield { part: 'table-end', digest: digest.digest() }
  }
  yield { part: 'sequences', sequences: await readSequences(client) }
  await client.query('COMMIT')
  yield { part: 'end', tables: tables.length }
}
