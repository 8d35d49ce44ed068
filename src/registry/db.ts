// The connection to the registry, the one central database: its own small pool, apart from every tenant's.
import { Kysely, type Transaction } from 'kysely'
import pg from 'pg'
import { type Logger } from 'pino'
import { type Config } from '../config.js'
import { type DB as RegistryDatabase } from './database.js'
import { RegistryDialect } from './registry-dialect.js'
import { endWhenSilent } from './server-failure.js'

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

/** A connection that nothing is sent on is proved alive after so long. */
const KEEP_ALIVE_MS = 30_000
/** Connections held for LISTEN, outside the pool but within the registry's share of the budget. */
const listenerConnections = 1

type RegistrySettings = Pick<Config, 'DATABASE_REGISTRY_CONNECTIONS' | 'DATABASE_CONNECT_TIMEOUT_MS' | 'DATABASE_STATEMENT_TIMEOUT_MS'>

export function openRegistry (connectionString: string, config: RegistrySettings, log: Logger): Registry {
  const pool = new pg.Pool({
    connectionString,
    max: config.DATABASE_REGISTRY_CONNECTIONS - listenerConnections,
    connectionTimeoutMillis: config.DATABASE_CONNECT_TIMEOUT_MS,
    statement_timeout: config.DATABASE_STATEMENT_TIMEOUT_MS,
    application_name: 'koinonia:registry',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS
  })
  pool.on('error', (error) => { log.warn({ err: error }, 'an idle registry connection was lost; it is replaced on the next query') })
  const silenceMs = config.DATABASE_STATEMENT_TIMEOUT_MS + config.DATABASE_CONNECT_TIMEOUT_MS
  pool.on('connect', (client) => {
    // For a connection that is lost while it is checked out: its query fails and tells.
    client.on('error', () => undefined)
    endWhenSilent(client, silenceMs, () => Reflect.get(client, 'readyForQuery') === false)
  })
  const db = new Kysely<RegistryDatabase>({ dialect: new RegistryDialect({ pool }) })
  return { db, pool, connectionString, close: () => db.destroy() }
}
