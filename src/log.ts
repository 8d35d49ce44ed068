// The log: JSON lines, or readable ones in development. What could hold a person's data is left out here, for every caller.
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import { type Config } from './config.js'

/** Error fields that are safe to log; PostgreSQL's `detail` and `where` quote values of the row. */
const errorFields = ['code', 'constraint', 'table', 'schema', 'severity', 'routine', 'syscall', 'address', 'port', 'status', 'statusCode'] as const

/** `fileDescriptor` 2 for commands whose answer goes to standard output. */
export function createLogger (config: Pick<Config, 'LOG_LEVEL' | 'NODE_ENV'>, fileDescriptor: 1 | 2 = 1): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    serializers: { err: describeError },
    redact: ['*.authorization', '*.cookie', '*.password', '*.accessToken', '*.refreshToken', 'req', 'res']
  }
  const readable = config.NODE_ENV === 'development' && (fileDescriptor === 1 ? process.stdout : process.stderr).isTTY
  if (!readable) return pino(options, pino.destination(fileDescriptor))
  return pino(options, pretty({ colorize: true, translateTime: 'HH:MM:ss', singleLine: true, destination: fileDescriptor, sync: true }) as DestinationStream)
}

function describeError (error: unknown): unknown {
  if (!(error instanceof Error)) return error === undefined ? undefined : { message: 'something that is no Error was thrown', value: typeof error }
  const own = error as Error & Record<string, unknown>
  const fields = Object.fromEntries(errorFields.filter((name) => own[name] !== undefined).map((name) => [name, own[name]]))
  return { type: error.name, message: error.message, ...fields, stack: error.stack, ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }) }
}
