// Reads postmaster.pid, by which a running server tells where it listens and how far its start has come.
import { readdir, readFile, readlink, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedPostgresError } from './failure.js'
import { type Place } from './place.js'
import { runProgram } from './run-program.js'

export interface PostmasterFile { pid: number, port: number, status: string }

/** What a server says in `cluster`, or undefined when no (complete) file is there. */
export async function readPostmasterFile (cluster: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(path.join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  return Number.isInteger(pid) && pid > 0 ? { pid, port: Number(lines[3]), status: lines[7] ?? '' } : undefined
}

/**
 * The server running in `cluster`, ready for connections, or undefined when none runs. Waits for one that is starting
 * or stopping until `deadline` (ms since the epoch), then throws. Clears away the files of a server that is no more.
 */
export async function findRunning ({ cluster, home }: Pick<Place, 'cluster' | 'home'>, deadline: number): Promise<PostmasterFile | undefined> {
  for (;;) {
    const file = await readPostmasterFile(cluster)
    // A file whose process is gone stays: PostgreSQL replaces it after making sure that no backend was left behind.
    if (file === undefined || !isAlive(file.pid)) return undefined
    if (!await runsIn(file.pid, cluster)) {
      await endOrphans(cluster)
      await rm(path.join(cluster, 'postmaster.pid'), { force: true })
      // The socket has a lock of its own, with the same number in it.
      await rm(socketFolder(home), { recursive: true, force: true })
      return undefined
    }
    if (file.status === 'ready') return file
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(`The PostgreSQL server in ${cluster} (process ${file.pid}) is still ${file.status || 'starting'}. ` +
        'If it is repairing its data after a crash, wait and start again; otherwise end that process first.')
    }
    await sleep(40)
  }
}

/** Where the Unix socket of a server lies. */
export function socketFolder (home: string): string {
  return path.join(home, 'run')
}

/** True while the process exists, whoever's it is. */
export function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * Ends backends whose postmaster was killed: they hold the shared memory that the next server needs. Only Linux lets us
 * find them; elsewhere they end by themselves once they notice.
 */
export async function endOrphans (cluster: string): Promise<void> {
  if (process.platform !== 'linux') return
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (Number.isInteger(pid) && pid !== process.pid && await workingFolder(pid) === cluster) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch { /* it ended by itself */ }
    }
  }
}

/** Whether the process is a server of this very cluster, and not one that was given the same number after a reboot. */
async function runsIn (pid: number, cluster: string): Promise<boolean> {
  if (process.platform === 'win32') return true
  if (process.platform === 'linux') return await workingFolder(pid) === cluster
  const { code, output } = await runProgram('/bin/ps', ['-p', String(pid), '-o', 'command='], { limitMs: 5000 })
  return code === 0 && output.includes(cluster)
}

/** A server works in its data directory. Undefined for a process that is gone, a zombie, or another user's. */
async function workingFolder (pid: number): Promise<string | undefined> {
  return readlink(`/proc/${pid}/cwd`).catch(() => undefined)
}
