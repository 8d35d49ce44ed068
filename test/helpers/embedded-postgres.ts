// Folders, child processes and connections for the tests of the embedded PostgreSQL itself.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import type t from 'tap'
import {
  startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions
} from '../../src/sandbox/postgres/start-embedded-postgres.js'
import { fastFolder } from './fast-folder.js'

type Test = Pick<typeof t, 'teardown'>

const entry = new URL('../../src/sandbox/postgres/start-embedded-postgres.js', import.meta.url).href
const silent = pino({ level: 'silent' })

/** A folder that any user may pass through, removed with the server in it when the test ends. */
export async function makeFolder (test: Test): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(fastFolder, 'koinonia-pg-')))
  await chmod(folder, 0o711)
  test.teardown(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a server that ends with the test. */
export async function startFor (test: Test, options: Omit<EmbeddedPostgresOptions, 'log'>): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ durable: false, log: silent, ...options })
  test.teardown(async () => server.stop())
  return server
}

/** Runs SQL as the superuser on a connection of its own; `overrides` to come in another way. */
export async function query (server: EmbeddedPostgres, sql: string, overrides: pg.ClientConfig = {}): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: server.adminUrl, ...overrides })
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A process of its own that starts the server, prints its facts as one line, and then lives on. */
export async function startInChild (
  dataDir: string, { user, env }: { user?: { uid: number, gid: number }, env?: NodeJS.ProcessEnv } = {}
): Promise<{ child: ChildProcess, server: Record<string, unknown> }> {
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(entry)})
    const log = { info () {}, warn () {} }
    console.log(JSON.stringify(await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, durable: false, log })))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script],
    { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'], ...user, ...(env === undefined ? {} : { env }) })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { printed += text })
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  return { child, server: JSON.parse(printed) as Record<string, unknown> }
}

/** Kills a process outright and waits until it is gone. */
export async function killChild (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
