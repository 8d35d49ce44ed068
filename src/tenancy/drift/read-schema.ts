// Reads the whole schema of one database over an administrator's connection, which can change nothing meanwhile.
import { type ClientBase } from 'pg'
import { type SchemaObject } from './compare-schemas.js'
import { schemaQuery } from './schema-query.js'

const STATEMENT_TIMEOUT_MS = 60_000

/** `owner`: the role whose database it is. */
export async function readSchema (client: ClientBase, owner: string): Promise<SchemaObject[]> {
  await client.query(`SET search_path = ''; SET default_transaction_read_only = on; SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
  const { rows } = await client.query<SchemaObject>(schemaQuery, [owner])
  const { rows: [table] } = await client.query<{ present: boolean }>('SELECT to_regclass(\'public.pgmigrations\') IS NOT NULL AS present')
  if (table?.present !== true) return rows
  const { rows: migrations } = await client.query<{ name: string }>('SELECT name FROM public.pgmigrations')
  return [...rows, ...migrations.map(({ name }) => migration(name))]
}

/** Which files have been applied is no DDL, but a database that says otherwise than the registry has drifted too. */
function migration (name: string): SchemaObject {
  return { kind: 'migration', key: name, parent: null, definition: '', make: `-- pgmigrations lacks ${name}`, change: null, unmake: `-- pgmigrations has ${name}, which is beyond this version` }
}
