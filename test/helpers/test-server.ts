// The throw-away PostgreSQL server that all tests of this checkout share.
import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/sandbox/postgres/start-embedded-postgres.js'
import { fastFolder } from './fast-folder.js'

/** One folder a checkout and user, so that what a killed run left behind is found again and does not pile up. */
export const testFolder = path.join(fastFolder, `koinonia-test-${userInfo().uid}-${
  createHash('sha256').update(path.resolve(import.meta.dirname, '../../..')).digest('hex').slice(0, 12)}`)

let server: Promise<EmbeddedPostgres> | undefined

/** The running test server, or a new one when none runs (a test file started by itself). It is never durable. */
export async function testServer (): Promise<EmbeddedPostgres> {
  server ??= registerUser(process.pid).then(startTestServer)
  return server
}

/** Starts or adopts it without registering a user. */
export async function startTestServer (): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: path.join(testFolder, 'postgres'), durable: false, maxConnections: 300, log: pino({ level: 'silent' })
  })
}

/** Notes that process `pid` needs the server. */
export async function registerUser (pid: number): Promise<void> {
  await mkdir(usersFolder, { recursive: true })
  await writeFile(path.join(usersFolder, String(pid)), '')
}

/** Whether a process other than `pid` that needs the server is alive. Forgets the dead, whose numbers will be given again. */
export async function hasOtherUsers (pid: number): Promise<boolean> {
  const names: string[] = await readdir(usersFolder).catch(() => [])
  const dead = names.filter((name) => !isAlive(Number(name)))
  await Promise.all(dead.map(async (name) => rm(path.join(usersFolder, name), { force: true })))
  return names.some((name) => Number(name) !== pid && !dead.includes(name))
}

/** Stops the server, if one runs, and removes everything. A server too broken to stop ends itself once its folder is gone. */
export async function removeTestServer (): Promise<void> {
  const names: string[] = await readdir(path.join(testFolder, 'postgres')).catch(() => [])
  if (names.includes('cluster')) await startTestServer().then(async (running) => running.stop()).catch(console.error)
  await rm(testFolder, { recursive: true, force: true })
}

const usersFolder = path.join(testFolder, 'users')

function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
