// The log: JSON lines, or readable ones in development. What could hold a person's data is left out here, for every caller.
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import { type Config } from './config.js'

/** Error fields that are safe to log; PostgreSQL's `detail` and `where` quote values of the row. */
const errorFields = ['code', 'constraint', 'table', 'schema', 'severity', 'routine', 'syscall', 'address', 'port', 'status', 'statusCode'] as const

/** `to`: file descriptor 2 for commands whose answer goes to standard output; a stream in tests. */
export function createLogger (config: Pick<Config, 'LOG_LEVEL' | 'NODE_ENV'>, to: 1 | 2 | DestinationStream = 1): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    serializers: { err: describeError },
    redact: ['*.authorization', '*.cookie', '*.password', '*.accessToken', '*.refreshToken', 'headers', '*.headers', 'req', 'res']
  }
  if (typeof to === 'object') return pino(options, to)
  const readable = config.NODE_ENV === 'development' && (to === 1 ? process.stdout : process.stderr).isTTY
  if (!readable) return pino(options, pino.destination(to))
  return pino(options, pretty({ colorize: true, translateTime: 'HH:MM:ss', singleLine: true, destination: to, sync: true }) as DestinationStream)
}

function describeError (error: unknown): unknown {
  if (!(error instanceof Error)) return error === undefined ? undefined : { message: 'something that is no Error was thrown', value: typeof error }
  const own = error as Error & Record<string, unknown>
  const fields = Object.fromEntries(errorFields.filter((name) => own[name] !== undefined).map((name) => [name, own[name]]))
  const stack = error.stack?.slice(Math.max(error.stack.indexOf('\n    at '), 0)).trim()
  return { type: error.name, message: tellableMessage(error), ...fields, stack, ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }) }
}

/** JSON.parse and PostgreSQL's data exceptions (SQLSTATE class 22) quote what they could not read. */
function tellableMessage (error: Error & { code?: unknown }): string {
  if (error instanceof SyntaxError) return 'the text could not be parsed; it is not shown'
  if (typeof error.code === 'string' && /^22[0-9A-Z]{3}$/.test(error.code)) return 'a value did not fit its type; it is not shown'
  return error.message
}
