// Runs one of the server's programs to its end, as the server's user, within a limit.
import { execFile } from 'node:child_process'
import { type ServerUser } from './server-user.js'

export interface ProgramResult {
  /** Exit code; null when it could not be started or was ended by the limit. */
  code: number | null
  /** Both output streams, then the operating system's own word if it did not start. */
  output: string
}

// A fixed environment: messages in English whatever LANG says, and no PG* variable leaks in.
export const programEnvironment = { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' }

/** Runs `file` and resolves with its exit code and output; never rejects. */
export async function runProgram (
  file: string, args: string[], { user, limitMs }: { user?: ServerUser | undefined, limitMs: number }
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const options = { cwd: '/', env: programEnvironment, timeout: limitMs, killSignal: 'SIGTERM', ...user } as const
    const ended = (error: Error | null, stdout: string, stderr: string) => {
      const code = error === null ? 0 : 'code' in error && typeof error.code === 'number' ? error.code : null
      const late = error !== null && 'killed' in error && error.killed === true ? `Ended after ${limitMs / 1000} s.` : ''
      resolve({ code, output: [stdout, stderr, code === null ? `${error?.message ?? ''} ${late}` : ''].join('') })
    }
    try {
      execFile(file, args, options, ended)
    } catch (error) {
      ended(error instanceof Error ? error : new Error(String(error)), '', '')
    }
  })
}
