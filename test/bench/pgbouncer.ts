// PgBouncer before the benchmark's server, when it is installed: every database, one cap on connections over all of them.
import { type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from '../../src/cli/free-port.js'
import { launchPgBouncer, makeSettings, pgBouncerVersion, skipWithoutPgBouncer } from '../helpers/pgbouncer-process.js'
import { type Bench } from './bench.js'
import { stopChild } from './child.js'
import { bouncerRole } from './watch-connections.js'

export interface PgBouncer {
  /** Of a database through it. */
  urlOf: (database: string) => string
  version: string
  child: ChildProcess
  /** Server connections that one database may have. */
  perDatabase: number
  /** Whether it keeps statements prepared in transaction mode. */
  prepares: boolean
}

export const pgBouncerMissing = 'PgBouncer is not installed; to compare: apt-get install pgbouncer'

/** The best of 1, 2 and 8 here: each further one takes another database's place. */
const bestPoolSize = 1

/** Undefined when it is not installed. It is stopped when the row ends. */
export async function startPgBouncer ({ postgres, defer }: Bench, connections: number, perDatabase = bestPoolSize): Promise<PgBouncer | undefined> {
  if (skipWithoutPgBouncer !== false) return undefined
  const { version, prepares } = pgBouncerVersion()
  const port = await freePort()
  await makeRole(postgres)
  const { folder, remove } = await makeSettings((folder) => ({
    'users.txt': `"${bouncerRole}" "${postgres.password}"`,
    'pgbouncer.ini': `[databases]
* = host=${postgres.host} port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users.txt')}
pool_mode = transaction
default_pool_size = ${perDatabase}
max_user_connections = ${connections}
max_client_conn = 4000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
log_stats = 0
${prepares ? 'max_prepared_statements = 100' : ''}
`
  }))
  defer(remove)
  const child = await launchPgBouncer(folder)
  defer(() => stopChild(child))
  return { urlOf: (database) => `postgres://${bouncerRole}@127.0.0.1:${port}/${database}`, version, prepares, perDatabase, child }
}

/**
 * One role for all databases, named by the callers: only a role's connections have a cap over several databases. A `user=` in
 * [databases] would be another user, with a cap of its own, for each database. Koinonia has a role for each; PgBouncer is spared that.
 */
async function makeRole ({ adminUrl, password }: Bench['postgres']): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl, application_name: 'bench' })
  await admin.connect()
  const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [bouncerRole])
  if (rowCount === 0) await admin.query(`CREATE ROLE ${bouncerRole} SUPERUSER LOGIN PASSWORD ${pg.escapeLiteral(password)}`)
  await admin.end()
}
