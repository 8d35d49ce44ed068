// Runs the real command in a process of its own, as an operator would.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { packageRoot } from '../../src/config.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'

export interface CliOutcome { code: number | null, stdout: string, stderr: string }

export async function runCli (registryUrl: string, args: string[], options: { settings?: Record<string, string>, input?: string } = {}): Promise<CliOutcome> {
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
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, stdout, stderr }
}
