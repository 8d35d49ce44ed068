// Runs the real command in a process of its own, as an operator would.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { packageRoot } from '../../src/config.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'

export interface CliOutcome { code: number | null, stdout: string, stderr: string }

interface Options { settings?: Record<string, string>, input?: string }

export async function runCli (registryUrl: string, args: string[], options: Options = {}): Promise<CliOutcome> {
  return await startCli(registryUrl, args, options).outcome
}

/** For those that are killed. */
export function startCli (registryUrl: string, args: string[], options: Options = {}): { child: ChildProcess, outcome: Promise<CliOutcome> } {
  const child = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), ...args], {
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      LOG_LEVEL: 'info',
      REGISTRY_DATABASE_URL: registryUrl,
      MASTER_KEY: MASTER_KEY.toString('base64'),
      JWT_SECRET: 'a secret of thirty-two characters',
      OPERATOR_TOKEN: 'x'.repeat(24),
      ARGON2_MEMORY_KIB: '256',
      SPARE_TENANTS: '0',
      ...options.settings
    }
  })
  child.stdin.end(options.input ?? '')
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const outcome = Promise.all([code, text(child.stdout), text(child.stderr)]).then(([code, stdout, stderr]) => ({ code, stdout, stderr }))
  return { child, outcome }
}
