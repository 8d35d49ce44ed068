// An organization's database as parts for a staging copy: numbers and addresses replaced on the server that has them, before anything leaves it.
import { type ClientBase, escapeIdentifier } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { type FieldCrypto } from '../../../crypto/fields.js'
import { type DatabasePart, openSnapshot, type ReadOptions } from '../copy/read-database.js'
import { digesting } from '../copy/table-digest.js'
import { qualified, readSequences, type Table } from '../copy/tables.js'
import { cloneRules, type CopiedTable, neutralPhone, phoneColumns } from './clone-rules.js'

/** The database has a table or column about which nobody has decided whether a copy may have it. */
export class CloneUndecided extends Error {
  override readonly name = 'CloneUndecided'
}

const PHONES_AT_ONCE = 5_000

/** `fields`: of the copy. As a role that owns what is read; writes nothing there but a temporary table. @throws CloneUndecided */
export async function * readNeutralized (client: ClientBase, fields: FieldCrypto, { progress, signal }: ReadOptions): AsyncGenerator<DatabasePart, void> {
  const tables = await openSnapshot(client, 'READ WRITE')
  const statements = tables.map((table) => ({ table, statement: statementFor(table) }))
  await makeUpPhones(client, fields, signal)
  for (const [done, { table: { schema, name, columns }, statement }] of statements.entries()) {
    signal.throwIfAborted()
    yield { part: 'table', table: { schema, name, columns } }
    const digest = digesting()
    if (statement !== undefined) {
      for await (const chunk of client.query(copyTo(statement))) {
        const rows = chunk as Buffer
        digest.add(rows)
        yield { part: 'rows', rows }
        signal.throwIfAborted()
      }
    }
    progress(done + 1, tables.length)
    yield { part: 'table-end', digest: digest.digest() }
  }
  yield { part: 'sequences', sequences: await readSequences(client) }
  await client.query('ROLLBACK')
  yield { part: 'end', tables: tables.length }
}

/** Undefined for a table that the copy has empty. */
function statementFor (table: Table): string | undefined {
  const rule = cloneRules[table.name]
  if (rule === undefined) throw new CloneUndecided(`Table ${table.name} is unknown to clone-rules.ts: may a copy have it?`)
  return rule === 'empty' ? undefined : copyStatement(table, rule)
}

function copyStatement (table: Table, { keep, change = {}, where }: CopiedTable): string {
  const kept = new Set(keep.split(' '))
  const missing = [...kept, ...Object.keys(change)].find((column) => !table.columns.includes(column))
  if (missing !== undefined) throw new CloneUndecided(`Table ${table.name} has no column ${missing}, which clone-rules.ts names.`)
  const columns = table.columns.map((column) => {
    const expression = kept.has(column) ? `t.${escapeIdentifier(column)}` : change[column]
    if (expression === undefined) throw new CloneUndecided(`Column ${column} of ${table.name} is unknown to clone-rules.ts: may a copy have it?`)
    return `${expression} AS ${escapeIdentifier(column)}`
  })
  // The key's names are those of the new values, so this is the order in which the copy is read for comparison.
  return `COPY (SELECT ${columns.join(', ')} FROM ${qualified(table)} t${where === undefined ? '' : ` WHERE ${where}`} ORDER BY ${table.orderBy}) TO STDOUT`
}

/** A number for each that there is, the same wherever it stands. */
async function makeUpPhones (client: ClientBase, { encrypt, blindIndex }: FieldCrypto, signal: AbortSignal): Promise<void> {
  await client.query('CREATE TEMPORARY TABLE clone_phones (old_hash bytea PRIMARY KEY, new_hash bytea NOT NULL, new_cipher bytea NOT NULL) ON COMMIT DROP')
  const { rows } = await client.query<{ hash: Buffer }>(phoneColumns.map(([table, column]) => `SELECT ${column} AS hash FROM public.${table}`).join(' UNION '))
  for (let from = 0; from < rows.length; from += PHONES_AT_ONCE) {
    signal.throwIfAborted()
    const batch = rows.slice(from, from + PHONES_AT_ONCE).map(({ hash }, index) => ({ hash, phone: neutralPhone(from + index + 1) }))
    await client.query('INSERT INTO pg_temp.clone_phones SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])',
      [batch.map(({ hash }) => hash), batch.map(({ phone }) => blindIndex(phone)), batch.map(({ phone }) => encrypt(phone))])
  }
  await client.query('ANALYZE pg_temp.clone_phones')
}
