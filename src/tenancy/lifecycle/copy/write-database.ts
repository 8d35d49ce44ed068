// Fills a database of the same schema from the parts of another, in one transaction, and proves each table equal before it commits.
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { type ClientBase, escapeIdentifier } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type DatabasePart } from './read-database.js'
import { digestTable, sameDigest, type TableDigest } from './table-digest.js'
import { copyInStatement, listTables, qualified, readSequences, setSequence, type Table, writeExactly } from './tables.js'

/** The database does not hold what it was filled with. */
export class CopyDiffers extends Error {
  override readonly name = 'CopyDiffers'
}

/**
 * Whatever the tables hold before, such as rows that a migration writes, makes way. Triggers and foreign keys rest meanwhile and
 * are checked at the end. `client` acts as the owner of everything; when this throws, close it.
 * @throws CopyDiffers; PostgreSQL's errors; what `parts` throws
 */
export async function writeDatabase (client: ClientBase, parts: AsyncIterable<DatabasePart>, signal: AbortSignal): Promise<Map<string, TableDigest>> {
  await writeExactly(client)
  await client.query('SET statement_timeout = \'2h\'; SET idle_in_transaction_session_timeout = \'10min\'; BEGIN')
  const tables = new Map((await listTables(client)).map((table) => [qualified(table), table]))
  const undo = await restTriggersAndKeys(client)
  if (tables.size > 0) await client.query(`TRUNCATE ${[...tables.keys()].join(', ')}`)
  const digests = await writeParts(client, parts, tables, signal)
  for (const [name, table] of tables) {
    signal.throwIfAborted()
    const wanted = digests.get(name)
    if (wanted === undefined) throw new CopyDiffers(`There is no ${name} in what was to be written, but the database has one.`)
    const found = await digestTable(client, table)
    if (!sameDigest(found, wanted)) throw new CopyDiffers(`${name} has ${found.rows} rows with checksum ${found.sha256} instead of ${wanted.rows} with ${wanted.sha256}.`)
  }
  for (const statement of undo) await client.query(statement)
  await client.query('COMMIT')
  return digests
}

async function writeParts (client: ClientBase, parts: AsyncIterable<DatabasePart>, tables: ReadonlyMap<string, Table>, signal: AbortSignal): Promise<Map<string, TableDigest>> {
  const digests = new Map<string, TableDigest>()
  let open: { name: string, writer: RowWriter } | undefined
  let ended = false
  for await (const part of parts) {
    signal.throwIfAborted()
    if (part.part === 'table') {
      const name = qualified(part.table)
      if (!tables.has(name)) throw new CopyDiffers(`The database has no table ${name}.`)
      open = { name, writer: writeRows(client, part.table) }
    } else if (part.part === 'rows') {
      await open?.writer.write(part.rows)
    } else if (part.part === 'table-end') {
      if (open === undefined) throw new CopyDiffers('A table ends that has not begun.')
      await open.writer.end()
      digests.set(open.name, part.digest)
      open = undefined
    } else if (part.part === 'sequences') {
      for (const sequence of part.sequences) await setSequence(client, sequence)
      await compareSequences(client, part.sequences.length)
    } else {
      ended = part.tables === digests.size
    }
  }
  if (!ended) throw new CopyDiffers('What was to be written has no end.')
  return digests
}

interface RowWriter { write: (rows: Buffer) => Promise<void>, end: () => Promise<void> }

function writeRows (client: ClientBase, table: Pick<Table, 'schema' | 'name' | 'columns'>): RowWriter {
  const stream = client.query(copyFrom(copyInStatement(table)))
  // An error that comes between two writes, when nobody listens, is met by the next.
  const failed = new Promise<never>((_resolve, reject) => { stream.once('error', reject) })
  failed.catch(() => undefined)
  return {
    async write (rows) {
      if (!stream.write(rows)) await Promise.race([once(stream, 'drain'), failed])
    },
    async end () {
      stream.end()
      await Promise.race([finished(stream), failed])
    }
  }
}

async function compareSequences (client: ClientBase, wanted: number): Promise<void> {
  const found = (await readSequences(client)).length
  if (found !== wanted) throw new CopyDiffers(`The database has ${found} sequences instead of ${wanted}.`)
}

/** Returns the statements that bring them back. Foreign keys are dropped and added: an owner who is no superuser can't let them rest. */
async function restTriggersAndKeys (client: ClientBase): Promise<string[]> {
  const { rows: triggers } = await client.query<{ schema: string, name: string, trigger: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, t.tgname AS trigger
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND t.tgenabled = 'O'`)
  const { rows: keys } = await client.query<{ schema: string, name: string, key: string, definition: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, k.conname AS key, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND k.conparentid = 0`)
  const undo: string[] = []
  for (const { schema, name, key, definition } of keys) {
    await client.query(`ALTER TABLE ${qualified({ schema, name })} DROP CONSTRAINT ${escapeIdentifier(key)}`)
    undo.push(`ALTER TABLE ${qualified({ schema, name })} ADD CONSTRAINT ${escapeIdentifier(key)} ${definition}`)
  }
  for (const { schema, name, trigger } of triggers) {
    await client.query(`ALTER TABLE ${qualified({ schema, name })} DISABLE TRIGGER ${escapeIdentifier(trigger)}`)
    undo.push(`ALTER TABLE ${qualified({ schema, name })} ENABLE TRIGGER ${escapeIdentifier(trigger)}`)
  }
  return undo
}
