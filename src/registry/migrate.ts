// Brings the registry to the version of this code: our own tables, then the job queue's.
import { Logger as QueueLogger, runMigrations as migrateQueue } from 'graphile-worker'
import pg from 'pg'
import { type Logger } from 'pino'
import { applyMigrations, type MigrationResult } from './apply-migrations.js'

/** Any number, as long as every version of this code uses the same. */
const REGISTRY_LOCK = 4_801_520_077
const LOCK_WAIT_MS = 120_000

/**
 * Two processes at once are safe: the second waits for the first, then finds nothing to do.
 * `onProgress` hears a word for each part.
 * @throws Error when the registry cannot be reached, a file fails, or another migration holds the lock for two minutes.
 */
export async function migrateRegistry (connectionString: string, log: Logger, onProgress?: (step: string) => void): Promise<MigrationResult> {
  const client = new pg.Client({ connectionString, application_name: 'koinonia:migrate', connectionTimeoutMillis: 10_000 })
  client.on('error', (error) => { log.warn({ err: error }, 'the connection that migrates the registry broke') })
  await client.connect()
  try {
    onProgress?.('waiting for other migrations')
    await client.query(`SET lock_timeout = ${LOCK_WAIT_MS}`)
    await client.query('SELECT pg_advisory_lock($1)', [REGISTRY_LOCK])
    onProgress?.('registry tables')
    const result = await applyMigrations(client, 'registry', log)
    await closeToOtherRoles(client)
    onProgress?.('job queue')
    await migrateQueue({ connectionString, maxPoolSize: 1, logger: queueLogger(log) })
    if (result.applied.length > 0) log.info({ applied: result.applied, version: result.version }, 'registry migrated')
    return result
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

function queueLogger (log: Logger): QueueLogger {
  return new QueueLogger((scope) => (level: string, message) => {
    if (level === 'error') log.error({ scope }, message)
    else if (level === 'warning') log.warn({ scope }, message)
    else log.debug({ scope }, message)
  })
}
