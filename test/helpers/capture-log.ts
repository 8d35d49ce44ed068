// The production log, kept in memory at its most talkative level.
import { type Logger } from 'pino'
import { createLogger } from '../../src/log.js'

export interface CapturedLog {
  log: Logger
  /** All lines so far, as written. */
  text: () => string
  lines: () => Array<Record<string, unknown>>
}

export function captureLog (): CapturedLog {
  const written: string[] = []
  const log = createLogger({ LOG_LEVEL: 'trace', NODE_ENV: 'test' }, { write (line: string) { written.push(line) } })
  return { log, text: () => written.join(''), lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) }
}
