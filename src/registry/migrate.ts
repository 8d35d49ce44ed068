// Brings the registry to the version of this code: our own tables, then the job queue's.
import pg from 'pg'
import { type Logger } from 'pino'
import { applyMigrations, applyMigrationsTo, type MigrationResult } from './apply-migrations.js'
import { loadMigrations } from './migration-files.js'

/** Any number, as long as every version of this code uses the same. */
const REGISTRY_LOCK = 4_801_520_077
const LOCK_WAIT_MS = 120_000

/**
 * Two processes at once are safe: the second waits for the first, then finds nothing to do.
 * `onProgress` hears a word for each part. `target`: the version to come to, up or down, instead of this code's.
 * @throws Error when the registry cannot be reached, a file fails, or another migration holds the lock for two minutes.
 */
export async function migrateRegistry (connectionString: string, log: Logger, onProgress?: (step: string) => void, target?: number): Promise<MigrationResult> {
  return await connected(connectionString, log, async (client) => {
    onProgress?.('waiting for other migrations')
    await client.query(`SET lock_timeout = ${LOCK_WAIT_MS}`)
    await client.query('SELECT pg_advisory_lock($1)', [REGISTRY_LOCK])
    onProgress?.('registry tables')
    const result = target === undefined ? await applyMigrations(client, 'registry', log) : await applyMigrationsTo(client, 'registry', log, target)
    await closeToOtherRoles(client)
    onProgress?.('job queue')
    await migrateQueue(connectionString, log)
    if (result.applied.length > 0) log.info({ applied: result.applied, version: result.version }, 'registry migrated')
    return result
  })
}

/** Changes nothing. `files`: what this code has and the registry has not. */
export async function planRegistry (connectionString: string, log: Logger): Promise<{ version: number, files: string[] }> {
  return await connected(connectionString, log, async (client) => {
    const { rows: [table] } = await client.query<{ present: boolean }>('SELECT to_regclass(\'pgmigrations\') IS NOT NULL AS present')
    const names = table?.present === true ? (await client.query<{ name: string }>('SELECT name FROM pgmigrations')).rows.map(({ name }) => name) : []
    return { version: names.length, files: loadMigrations('registry').map(({ name }) => name).filter((name) => !names.includes(name)) }
  })
}

async function connected<T> (connectionString: string, log: Logger, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, application_name: 'koinonia:migrate', connectionTimeoutMillis: 10_000 })
  client.on('error', (error) => { log.warn({ err: error }, 'the connection that migrates the registry broke') })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** PostgreSQL lets every role connect to every database until told otherwise; tenants' roles may live on this server. */
async function closeToOtherRoles (client: pg.Client): Promise<void> {
  await client.query(`DO $$ BEGIN
    IF has_database_privilege('public', current_database(), 'CONNECT')
       AND pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
      EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
  END $$`)
}

async function migrateQueue (connectionString: string, log: Logger): Promise<void> {
  const { Logger: QueueLogger, runMigrations } = await import('graphile-worker')
  const logger = new QueueLogger((scope) => (level: string, message) => {
    if (level === 'error') log.error({ scope }, message)
    else if (level === 'warning') log.warn({ scope }, message)
    else log.debug({ scope }, message)
  })
  await runMigrations({ connectionString, maxPoolSize: 1, logger })
}
