// What there is to copy in a tenant's database: its tables, with the columns that hold data, and its sequences.
import { type ClientBase, escapeIdentifier } from 'pg'

export interface Table {
  schema: string
  name: string
  /** Without generated ones, which the copy computes again. */
  columns: string[]
  /** What tells rows apart, for an order that is the same everywhere; every column, as text, where there is no primary key. */
  orderBy: string
}

export interface SequenceState { schema: string, name: string, lastValue: string, isCalled: boolean }

/** So that a value is written in the same words by every server and every connection. */
export async function writeExactly (client: ClientBase): Promise<void> {
  await client.query(`SET client_encoding = 'UTF8'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmloption = 'content'; SET lc_monetary = 'C'; SET search_path = pg_catalog`)
}

const ours = `n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

/** Every table, in the order of their names. @throws Error when something holds data that a copy of tables would leave behind. */
export async function listTables (client: ClientBase): Promise<Table[]> {
  const { rows: [strange] } = await client.query<{ what: string | null }>(`
    SELECT coalesce((SELECT format('%I.%I is a partitioned, foreign or inherited table', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE (c.relkind IN ('p', 'f') OR c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)) AND ${ours} LIMIT 1),
      (SELECT 'it has large objects' FROM pg_largeobject_metadata LIMIT 1)) AS what`)
  if (strange?.what != null) throw new Error(`This database can't be copied: ${strange.what}.`)
  const { rows } = await client.query<{ schema: string, name: string, columns: string[], key: string[] }>(`
    SELECT n.nspname AS schema, c.relname AS name,
      ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
      ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place) AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND ${ours} ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`)
  return rows.map(({ schema, name, columns, key }) => ({
    schema, name, columns, orderBy: key.length > 0 ? list(key) : columns.map((column) => `${escapeIdentifier(column)}::text`).join(', ')
  }))
}

/** Read after the tables: what a sequence has given since then is not given again. */
export async function readSequences (client: ClientBase): Promise<SequenceState[]> {
  const { rows } = await client.query<{ schema: string, name: string }>(`
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND ${ours} ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`)
  const states: SequenceState[] = []
  for (const { schema, name } of rows) {
    const { rows: [state] } = await client.query<{ lastValue: string, isCalled: boolean }>(
      `SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM ${qualified({ schema, name })}`)
    if (state !== undefined) states.push({ schema, name, ...state })
  }
  return states
}

export async function setSequence (client: ClientBase, { lastValue, isCalled, ...sequence }: SequenceState): Promise<void> {
  await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [qualified(sequence), lastValue, isCalled])
}

export const qualified = ({ schema, name }: { schema: string, name: string }): string => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`

/** Rows in an order of their own, so that equal tables give equal bytes. */
export function copyOutStatement (table: Table): string {
  const columns = table.columns.length === 0 ? '' : list(table.columns)
  return `COPY (SELECT ${columns} FROM ${qualified(table)}${table.orderBy === '' ? '' : ` ORDER BY ${table.orderBy}`}) TO STDOUT`
}

export function copyInStatement (table: Pick<Table, 'schema' | 'name' | 'columns'>): string {
  return `COPY ${qualified(table)} (${list(table.columns)}) FROM STDIN`
}

const list = (columns: string[]): string => columns.map(escapeIdentifier).join(', ')
