// Where the registry is: the setting, or an embedded PostgreSQL that is started for it.
import { join } from 'node:path'
import pg from 'pg'
import { type Logger } from 'pino'
import { type Config } from '../config.js'
import { startEmbeddedPostgres } from '../sandbox/postgres/start-embedded-postgres.js'

const embeddedRegistry = 'koinonia_registry'

export interface RegistryLocation {
  url: string
  /** Stops the embedded server if this process started it; one that already ran is left running. */
  close: () => Promise<void>
}

/** @throws EmbeddedPostgresError when the embedded server does not start; its message says what to do. */
export async function locateRegistry (config: Config, log: Logger, onProgress?: (step: string) => void): Promise<RegistryLocation> {
  if (config.REGISTRY_DATABASE_URL !== undefined) return { url: config.REGISTRY_DATABASE_URL, close: async () => {} }
  const embedded = await startEmbeddedPostgres({
    dataDir: join(config.DATA_DIR, 'postgres'), log, ...(onProgress === undefined ? {} : { onProgress })
  })
  await createRegistryDatabase(embedded.adminUrl)
  const url = new URL(embedded.adminUrl)
  url.pathname = `/${embeddedRegistry}`
  return { url: url.href, close: async () => { if (!embedded.adopted) await embedded.stop() } }
}

async function createRegistryDatabase (adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 })
  // What is under way then fails and tells.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [embeddedRegistry])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${embeddedRegistry}`)
  } catch (error) {
    // Another process of this checkout made it between our look and our word.
    if ((error as { code?: string }).code !== '42P04' && (error as { code?: string }).code !== '23505') throw error
  } finally {
    await client.end()
  }
}
