// Starts the server process and waits until it takes connections.
import { spawn } from 'node:child_process'
import { chown, open, rename, stat, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Binaries } from './binaries.js'
import { EmbeddedPostgresError } from './failure.js'
import { type Place } from './place.js'
import { readPostmasterFile, socketFolder } from './postmaster-file.js'
import { programEnvironment } from './run-program.js'
import { makeOwnFolder } from './server-user.js'
import { settingsArguments, type ServerSettings } from './settings.js'

const maxLogBytes = 20 * 1024 * 1024

/**
 * Starts the server detached: it outlives us, and Ctrl-C in the terminal reaches only us.
 * Resolves with undefined once it is ready, or with the end of its log when it gave up. Throws past `deadline`.
 */
export async function launch (
  place: Place, binaries: Binaries, settings: Omit<ServerSettings, 'socketDirectory'>, deadline: number
): Promise<string | undefined> {
  const socketDirectory = socketDirectoryOf(place)
  if (socketDirectory !== undefined) await makeOwnFolder(socketDirectory, place.user)
  const log = await openLog(place)
  try {
    const from = (await log.stat()).size
    const child = spawn(binaries.postgres, ['-D', place.cluster, ...settingsArguments({ ...settings, socketDirectory })], {
      cwd: '/', env: programEnvironment, detached: true, windowsHide: true, stdio: ['ignore', log.fd, log.fd], ...place.user
    })
    let failure: string | undefined
    child.once('error', (error) => { failure = error.message })
    child.once('exit', (code, signal) => { failure ??= `The server ended with ${signal ?? `code ${code}`}.` })
    child.unref()
    for (;;) {
      const file = await readPostmasterFile(place.cluster)
      if (file?.pid === child.pid && file?.status === 'ready') return undefined
      if (failure !== undefined) return `${failure}\n${await tail(log, from)}`
      if (Date.now() > deadline) throw notReady(place, child.pid, await tail(log, from))
      await sleep(15)
    }
  } finally {
    await log.close()
  }
}

/** Where the Unix socket lies; none where the path would not fit into a socket address, or on Windows. */
export function socketDirectoryOf ({ home }: Place): string | undefined {
  const folder = socketFolder(home)
  const longest = Buffer.byteLength(path.join(folder, '.s.PGSQL.65535'))
  return process.platform === 'win32' || longest > 99 ? undefined : folder
}

async function openLog ({ logFile, user }: Place): Promise<FileHandle> {
  const size = (await stat(logFile).catch(() => ({ size: 0 }))).size
  if (size > maxLogBytes) await rename(logFile, `${logFile}.1`)
  const log = await open(logFile, 'a+', 0o600)
  if (user !== undefined) await chown(logFile, user.uid, user.gid)
  return log
}

async function tail (log: FileHandle, from: number): Promise<string> {
  const start = Math.max(from, (await log.stat()).size - 4000)
  const { buffer, bytesRead } = await log.read(Buffer.alloc(4000), 0, 4000, start)
  return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').slice(-20).join('\n')
}

function notReady (place: Place, pid: number | undefined, said: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(`PostgreSQL is not ready after 30 s (process ${pid}; log: ${place.logFile}). ` +
    `If it is repairing its data after a crash it goes on by itself: wait and start again.\n${said}`)
}
