// PgBouncer before the benchmark's server, when it is installed: every database, one cap on connections over all of them.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../src/cli/free-port.js'
import { chooseServerUser } from '../../src/sandbox/postgres/server-user.js'
import { type Bench } from './bench.js'
import { stopChild } from './child.js'

export interface PgBouncer {
  /** Of a database through it, as the server's administrator. */
  urlOf: (database: string) => string
  version: string
  /** Whether it keeps statements prepared in transaction mode: from 1.21 on. */
  prepares: boolean
}

export const pgBouncerMissing = 'PgBouncer is not installed; to compare: apt-get install pgbouncer'

const startMs = 10_000

/** Undefined when it is not installed. It is stopped when the row ends. */
export async function startPgBouncer ({ postgres, defer }: Bench, { connections, perDatabase }: { connections: number, perDatabase: number }): Promise<PgBouncer | undefined> {
  const program = find()
  if (program === undefined) return undefined
  const [, version = '0'] = /PgBouncer ([\d.]+)/.exec((await promisify(execFile)(program, ['--version'])).stdout) ?? []
  const prepares = Number(version.split('.')[0]) > 1 || Number(version.split('.')[1]) >= 21
  const folder = await mkdtemp(path.join(tmpdir(), 'koinonia-pgbouncer-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const settings = path.join(folder, 'pgbouncer.ini')
  const users = path.join(folder, 'users.txt')
  // One user for all databases, known by name: only a user's connections have a cap over several databases.
  await writeFile(users, `"${postgres.user}" "${postgres.password}"`)
  await writeFile(settings, `[databases]
* = host=${postgres.host} port=${postgres.port} connect_query='SET application_name = peer'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${perDatabase}
max_user_connections = ${connections}
max_client_conn = 4000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
log_stats = 0
${prepares ? 'max_prepared_statements = 100' : ''}
`)
  // It refuses to run as root, as PostgreSQL does.
  await chmod(folder, 0o755)
  const user = await chooseServerUser(path.join(folder, 'nobody-owns-this'))
  const child = spawn(program, [settings], { ...user, stdio: ['ignore', 'ignore', 'pipe'] })
  defer(() => stopChild(child))
  const ended = once(child, 'exit').then(() => { throw new Error('PgBouncer ended as it was started') })
  await Promise.race([listening(child.stderr), ended])
  ended.catch(() => undefined)
  child.stderr.resume()
  return { urlOf: (database) => `postgres://${postgres.user}@127.0.0.1:${port}/${database}`, version, prepares }
}

async function listening (output: NodeJS.ReadableStream): Promise<void> {
  const limit = AbortSignal.timeout(startMs)
  for (let said = ''; !said.includes('process up');) said += String((await once(output, 'data', { signal: limit }))[0])
}

function find (): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return places.map((place) => path.join(place, 'pgbouncer')).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
