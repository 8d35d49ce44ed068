// PgBouncer before the benchmark's server, when it is installed: every database, one cap on connections over all of them.
import { join } from 'node:path'
import { freePort } from '../../src/cli/free-port.js'
import { launchPgBouncer, makeSettings, pgBouncerVersion, skipWithoutPgBouncer } from '../helpers/pgbouncer-process.js'
import { type Bench } from './bench.js'
import { stopChild } from './child.js'

export interface PgBouncer {
  /** Of a database through it, as the server's administrator. */
  urlOf: (database: string) => string
  version: string
  /** Whether it keeps statements prepared in transaction mode. */
  prepares: boolean
}

export const pgBouncerMissing = 'PgBouncer is not installed; to compare: apt-get install pgbouncer'

/** Undefined when it is not installed. It is stopped when the row ends. */
export async function startPgBouncer ({ postgres, defer }: Bench, { connections, perDatabase }: { connections: number, perDatabase: number }): Promise<PgBouncer | undefined> {
  if (skipWithoutPgBouncer !== false) return undefined
  const { version, prepares } = pgBouncerVersion()
  const port = await freePort()
  // One user for all databases, known by name: only a user's connections have a cap over several databases.
  const { folder, remove } = await makeSettings((folder) => ({
    'users.txt': `"${postgres.user}" "${postgres.password}"`,
    'pgbouncer.ini': `[databases]
* = host=${postgres.host} port=${postgres.port} connect_query='SET application_name = peer'
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
  return { urlOf: (database) => `postgres://${postgres.user}@127.0.0.1:${port}/${database}`, version, prepares }
}
