// The connection to the registry, the one central database: its own small pool, apart from every tenant's.
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import { type Logger } from 'pino'
import { type Config } from '../config.js'
import { type DB as RegistryDatabase } from './database.js'

export type { RegistryDatabase }
export type RegistryDb = Kysely<RegistryDatabase>
export type RegistryTrx = Transaction<RegistryDatabase>

export interface Registry {
  db: RegistryDb
  /** The pool under `db`, for what needs plain pg: the job queue. */
  pool: pg.Pool
  /** For connections that are held for long and must not come from the pool: LISTEN. */
  connectionString: string
  close: () => Promise<void>
}

/** Connections held for LISTEN, outside the pool but within the registry's share of the budget. */
const listenerConnections = 1

type RegistrySettings = Pick<Config, 'DATABASE_REGISTRY_CONNECTIONS' | 'DATABASE_CONNECT_TIMEOUT_MS' | 'DATABASE_STATEMENT_TIMEOUT_MS'>

export function openRegistry (connectionString: string, config: RegistrySettings, log: Logger): Registry {
  const pool = new pg.Pool({
    connectionString,
    max: config.DATABASE_REGISTRY_CONNECTIONS - listenerConnections,
    connectionTimeoutMillis: config.DATABASE_CONNECT_TIMEOUT_MS,
    statement_timeout: config.DATABASE_STATEMENT_TIMEOUT_MS,
    application_name: 'koinonia:registry'
  })
  pool.on('error', (error) => { log.warn({ err: error }, 'an idle registry connection was lost; it is replaced on the next query') })
  // For a connection that is lost while it is checked out: its query fails and tells.
  pool.on('connect', (client) => { client.on('error', () => undefined) })
  const db = new Kysely<RegistryDatabase>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, connectionString, close: () => db.destroy() }
}
