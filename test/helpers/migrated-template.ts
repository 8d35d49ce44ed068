// Databases that are migrated once on the test server, for as many clones as the tests like: a clone costs a tenth of the migrations.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { pino } from 'pino'
import { applyMigrations, type MigrationFolder, migrationFiles } from '../../src/registry/apply-migrations.js'
import { migrateRegistry } from '../../src/registry/migrate.js'

/** Any number: those who make a template wait for each other on it. */
const TEMPLATE_LOCK = 7_204_113
const silent = pino({ level: 'silent' })

/** Its name; made when it is not there. A registry has its job queue too; a tenant's is the administrator's own. */
export async function migratedTemplate (admin: pg.ClientBase, adminUrl: string, folder: MigrationFolder): Promise<string> {
  const hash = createHash('sha256')
  for (const file of migrationFiles(folder)) hash.update(file).update(readFileSync(file))
  const name = `${folder}_template_${hash.digest('hex').slice(0, 12)}`
  await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
  try {
    const { rows } = await admin.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [name])
    if (rows.length > 0) return name
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin.query(`CREATE DATABASE ${name}`)
    const url = new URL(adminUrl)
    url.pathname = `/${name}`
    await (folder === 'registry' ? migrateRegistry(url.href, silent) : migrateTenant(url.href))
    await admin.query(`ALTER DATABASE ${name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`)
    return name
  } finally {
    await admin.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK])
  }
}

async function migrateTenant (url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await applyMigrations(client, 'tenant', silent)
  } finally {
    await client.end()
  }
}
