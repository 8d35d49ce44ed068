// A tenant's database as a stream of parts, all of one moment: each table's rows, then its digest; the sequences; the end.
import { type ClientBase } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { digesting, type TableDigest } from './table-digest.js'
import { copyOutStatement, listTables, readSequences, type SequenceState, type Table, writeExactly } from './tables.js'

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
}

/** A table may take this long; a client that has gone away is noticed long before. */
const TABLE_TIMEOUT = '2h'

/** As a role that owns what is read. Requests go on meanwhile: nothing is locked but against DDL. Memory does not grow with the tables. */
export async function * readDatabase (client: ClientBase, { progress, signal }: ReadOptions): AsyncGenerator<DatabasePart, void> {
  await writeExactly(client)
  await client.query(`SET statement_timeout = '${TABLE_TIMEOUT}'; SET idle_in_transaction_session_timeout = '10min'`)
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const tables = await listTables(client)
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
