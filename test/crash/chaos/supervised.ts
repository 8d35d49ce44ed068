// A process of the service that is started again whenever it ends, as systemd or a container's engine does.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { packageRoot } from '../../../src/config.js'

/** CHAOS_LOG=warn and the like shows what the processes log. */
export const logLevel = process.env['CHAOS_LOG'] ?? 'silent'
const output = logLevel === 'silent' ? 'ignore' : 'inherit'

export class Supervised {
  readonly #environment: Record<string, string>
  readonly #command: string[]
  #child: ChildProcess
  #stopped = false
  /** How often it ended by itself, as a start does whose database goes away in the middle. */
  ended = 0

  constructor (environment: Record<string, string>, ...command: string[]) {
    this.#environment = environment
    this.#command = command
    this.#child = this.#start()
  }

  async kill (): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  async stop (): Promise<void> {
    this.#stopped = true
    await this.kill()
  }

  #start (): ChildProcess {
    const child = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), ...this.#command], { env: this.#environment, stdio: output })
    child.on('exit', (_code, signal) => {
      if (signal !== 'SIGKILL') this.ended++
      if (!this.#stopped) this.#child = this.#start()
    })
    return child
  }
}
