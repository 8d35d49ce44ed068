// One process of the service beside the test's own, on the same registry, that can be asked for its memory and killed.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { packageRoot } from '../../src/config.js'
import { freePort } from '../../src/cli/free-port.js'
import { type TestApp } from './build.js'
import { until } from './until.js'

interface Ground { services: Pick<TestApp['services'], 'config'>, registry: { url: string } }

export interface ServiceProcess {
  /** Where `serve` listens; nothing does for `worker`. */
  url: string
  /** Bytes in use, on the heap and beside it, once what is garbage is gone. */
  memory: () => Promise<number>
  /** kill -9. */
  kill: () => Promise<void>
}

/** Of the same settings as the test's own. */
export async function startProcess ({ services: { config }, registry }: Ground, command: 'serve' | 'worker'): Promise<ServiceProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const settings = { ...config, REGISTRY_DATABASE_URL: registry.url, LOG_LEVEL: 'error', PORT: port, ...(command === 'serve' ? { PUBLIC_URL: url } : {}) }
  const child = fork(join(packageRoot, 'dist/src/main.js'), [command], {
    execArgv: ['--import', new URL('tell-memory.js', import.meta.url).href],
    env: { PATH: process.env['PATH'], ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  if (command === 'serve') await until(async () => await answers(url), 30_000)
  return {
    url,
    async memory () {
      const told = once(child, 'message') as Promise<[number]>
      child.send('memory')
      return (await told)[0]
    },
    kill: () => kill(child)
  }
}

async function answers (url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).ok
  } catch {
    return false
  }
}

async function kill (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
