// Everything in a tenant's database, for comparing: each table's rows and checksum, the generated columns, and the sequences.
import { escapeIdentifier } from 'pg'
import { digestTable } from '../../src/tenancy/lifecycle/copy/table-digest.js'
import { listTables, qualified, readSequences, writeExactly } from '../../src/tenancy/lifecycle/copy/tables.js'
import { connect } from './provisioning-ground.js'

/** As administrator. */
export async function contentsOf (databaseUrl: string): Promise<Record<string, unknown>> {
  const client = await connect(databaseUrl)
  try {
    await writeExactly(client)
    const found: Record<string, unknown> = { sequences: await readSequences(client) }
    for (const table of await listTables(client)) found[qualified(table)] = await digestTable(client, table)
    const { rows } = await client.query<{ schema: string, name: string, column: string }>(`
      SELECT n.nspname AS schema, c.relname AS name, a.attname AS column FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attgenerated <> '' AND n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1, 2, 3`)
    for (const { schema, name, column } of rows) {
      const { rows: [hash] } = await client.query<object>(`SELECT count(*), md5(string_agg(${escapeIdentifier(column)}::text, ',' ORDER BY ${escapeIdentifier(column)}::text)) AS hash FROM ${qualified({ schema, name })}`)
      found[`${name}.${column}`] = hash
    }
    return found
  } finally {
    await client.end()
  }
}
