// PgBouncer as a process of a test or a benchmark, where it is installed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseServerUser } from '../../src/sandbox/postgres/server-user.js'

const program = [process.env['PGBOUNCER_PATH'] ?? '', ...(process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'pgbouncer')), '/usr/sbin/pgbouncer'].find((path) => existsSync(path))

export const skipWithoutPgBouncer = program === undefined && 'no PgBouncer here: install one or set PGBOUNCER_PATH to see it tested'

const startMs = 10_000

/** `prepares`: keeps statements prepared in transaction mode. `asksElsewhere`: for verifiers, in one database for all. */
export function pgBouncerVersion (): { version: string, prepares: boolean, asksElsewhere: boolean } {
  const [, version = '0.0'] = /PgBouncer ([\d.]+)/.exec(program === undefined ? '' : execFileSync(program, ['--version'], { encoding: 'utf8' })) ?? []
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return { version, prepares: major > 1 || minor >= 21, asksElsewhere: major > 1 || minor >= 19 }
}

/** A new folder with these files, that any user may read. */
export async function makeSettings (files: (folder: string) => Record<string, string>): Promise<{ folder: string, remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'koinonia-pgbouncer-'))
  await chmod(folder, 0o755)
  for (const [name, content] of Object.entries(files(folder))) await writeFile(join(folder, name), content)
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Resolves when it listens as pgbouncer.ini of the folder says. @throws Error with what it said when it ends instead */
export async function launchPgBouncer (folder: string): Promise<ChildProcess> {
  if (program === undefined) throw new Error('PgBouncer is not installed')
  // It refuses to run as root, as PostgreSQL does.
  const user = await chooseServerUser(join(folder, 'nobody-owns-this'))
  const child = spawn(program, [join(folder, 'pgbouncer.ini')], { ...user, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said = (said + text).slice(-10_000) })
  const limit = AbortSignal.timeout(startMs)
  const ended = once(child, 'exit', { signal: limit }).then(() => { throw new Error(`PgBouncer ended as it was started:\n${said}`) })
  ended.catch(() => undefined)
  while (!said.includes('process up')) await Promise.race([once(child.stderr, 'data', { signal: limit }), ended])
  if (process.env['TEST_LOG'] !== undefined) child.stderr.pipe(process.stderr)
  return child
}
