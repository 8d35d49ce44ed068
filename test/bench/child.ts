// Processes of the benchmark: each server and each load generator runs in one of its own.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packageRoot } from '../../src/config.js'

export const compiled = (file: string) => path.join(packageRoot, 'dist/test/bench', file)

/** What a child says when it is ready; servers tell their port. */
export interface Ready { port?: number }

/** Starts a module with a file of `settings`, as JSON, for its first argument (a thousand databases are too long for one), and waits for the first message it sends. */
export async function forkReady (file: string, settings: unknown, execArgv: string[] = []): Promise<{ child: ChildProcess, ready: Ready }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'koinonia-bench-settings-'))
  try {
    const told = path.join(folder, 'settings.json')
    await writeFile(told, JSON.stringify(settings), { mode: 0o600 })
    const child = fork(file, [told], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv })
    const ended = once(child, 'exit').then(([code]) => { throw new Error(`${path.basename(file)} ended with ${String(code)} before it was ready`) })
    const [ready] = await Promise.race([once(child, 'message'), ended]) as [Ready]
    ended.catch(() => undefined)
    return { child, ready }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Starts the `koinonia` command with exactly this environment. With BENCH_CPU_PROF in ours it leaves a profile in that folder. */
export function spawnKoinonia (args: string[], env: NodeJS.ProcessEnv, execArgv: string[] = []): ChildProcess {
  const folder = process.env['BENCH_CPU_PROF']
  const profile = folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`]
  const child = spawn(process.execPath, [...profile, ...execArgv, path.join(packageRoot, 'dist/src/main.js'), ...args], {
    env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'inherit', 'inherit', ...(execArgv.length === 0 ? [] : ['ipc' as const])]
  })
  const endWithUs = (): void => { child.kill() }
  process.once('exit', endWithUs)
  child.once('exit', () => process.off('exit', endWithUs))
  return child
}

export async function stopChild (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await gone
  clearTimeout(timer)
}

/** Seconds of processor time a process has used, user and system; NaN where /proc is missing. */
export function cpuSeconds ({ pid }: { pid?: number | undefined }, whose: 'alone' | 'with ended children' = 'alone'): number {
  try {
    const fields = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, whose === 'alone' ? 13 : 15)
    return fields.reduce((sum, ticks) => sum + Number(ticks), 0) / 100
  } catch {
    return NaN
  }
}

/** Resident megabytes of a process; NaN where /proc is missing. */
export function residentMegabytes ({ pid }: ChildProcess): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return NaN
  }
}
