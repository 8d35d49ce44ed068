// Processes of the benchmark: each server and each load generator runs in one of its own.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../../src/config.js'

export const compiled = (file: string) => path.join(packageRoot, 'dist/test/bench', file)

/** What a child says when it is ready; servers tell their port. */
export interface Ready { port?: number }

/** Starts a module with `settings` as JSON in its first argument and waits for the first message it sends. */
export async function forkReady (file: string, settings: unknown): Promise<{ child: ChildProcess, ready: Ready }> {
  const child = fork(file, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`${path.basename(file)} ended with ${String(code)} before it was ready`) })
  const [ready] = await Promise.race([once(child, 'message'), ended]) as [Ready]
  ended.catch(() => undefined)
  return { child, ready }
}

/** Starts the `koinonia` command with exactly this environment. With BENCH_CPU_PROF in ours it leaves a profile in that folder. */
export function spawnKoinonia (args: string[], env: NodeJS.ProcessEnv): ChildProcess {
  const profile = process.env['BENCH_CPU_PROF']
  const child = spawn(process.execPath, [...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]), path.join(packageRoot, 'dist/src/main.js'), ...args], {
    env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'inherit', 'inherit']
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
export function cpuSeconds ({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
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
