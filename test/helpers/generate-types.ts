// Writes the types of both databases from a real server with every migration applied; with --verify only says whether they are current.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { packageRoot } from '../../src/config.js'
import { testServer } from './test-server.js'

const databases = [
  { folder: 'registry', outFile: 'src/registry/database.ts' },
  { folder: 'tenant', outFile: 'src/tenancy/database.ts' }
]

const server = await testServer()
const admin = new pg.Client(server.adminUrl)
await admin.connect()
for (const { folder, outFile } of databases) {
  const name = `types_${folder}_${String(process.pid)}`
  await admin.query(`CREATE DATABASE ${name}`)
  const url = new URL(server.adminUrl)
  url.pathname = `/${name}`
  try {
    await runner({ databaseUrl: url.href, dir: join(packageRoot, 'migrations', folder), direction: 'up', migrationsTable: 'pgmigrations', log: () => {} })
    generate(url.href, outFile, await enumerations(url.href))
  } finally {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
  }
}
await admin.end()

function generate (url: string, outFile: string, overrides: Record<string, string>): void {
  const verify = process.argv.includes('--verify')
  execFileSync(process.execPath, [
    join(packageRoot, 'node_modules/kysely-codegen/dist/cli/bin.js'), '--url', url, '--dialect', 'postgres', '--out-file', join(packageRoot, outFile),
    '--exclude-pattern', 'pgmigrations', '--overrides', JSON.stringify({ columns: overrides }), ...(verify ? ['--verify'] : [])
  ], { stdio: 'inherit' })
  console.log(`${outFile} ${verify ? 'is current' : 'written'}`)
}

/** `CHECK (status IN ('a', 'b'))` becomes the type 'a' | 'b', so the database and the compiler agree on every enumeration. */
async function enumerations (url: string): Promise<Record<string, string>> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<{ table: string, column: string, nullable: boolean, has_default: boolean, definition: string }>(`
    SELECT c.conrelid::regclass::text AS table, a.attname AS column, NOT a.attnotnull AS nullable, a.atthasdef AS has_default,
           pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
    WHERE c.contype = 'c'`)
  await client.end()
  return Object.fromEntries(rows.flatMap(({ table, column, nullable, has_default: hasDefault, definition }) => {
    const list = /^CHECK \(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)$/.exec(definition)?.[2]
    if (list === undefined) return []
    const union = [...list.matchAll(/'([^']*)'::text/g)].map(([, value]) => `'${value ?? ''}'`).join(' | ') + (nullable ? ' | null' : '')
    return [[`${table}.${column}`, hasDefault ? `Generated<${union}>` : union]]
  }))
}
