// The whole service as a newcomer starts it: a process of its own on a fresh data folder, with everything it makes up.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../src/config.js'
import { freePort } from '../../src/cli/free-port.js'
import { until } from './until.js'

export interface StartedService {
  url: string
  /** What it has printed so far. */
  output: () => string
  /** Ctrl-C; resolves with the exit code. */
  stop: () => Promise<number | null>
  /** kill -9. */
  kill: () => Promise<void>
}

const startLimitMs = 60_000

/** Resolves when it has printed its welcome, with the demo church in it. */
export async function startService (dataDir: string, settings: Record<string, string> = {}): Promise<StartedService> {
  const port = await freePort()
  // No LANG and nothing else of this shell: a fresh machine has none of it.
  const child = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), 'serve'], {
    cwd: dataDir, env: { PATH: process.env['PATH'], PORT: String(port), DATA_DIR: join(dataDir, 'data'), ...settings }, stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`The service ended with ${child.exitCode}:\n${output}`)
    return output.includes('Demo church') || undefined
  }, startLimitMs)
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    stop: async () => await end(child, 'SIGINT'),
    kill: async () => { await end(child, 'SIGKILL') }
  }
}

async function end (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  return await new Promise((resolve) => {
    child.once('exit', (code) => { resolve(code) })
    child.kill(signal)
  })
}
