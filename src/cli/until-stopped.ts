// Ctrl-C and SIGTERM: one orderly stop, within a limit, and a second signal ends it at once.
import { type Logger } from 'pino'

/** Runs `stop` at the first SIGINT or SIGTERM, then ends the process: with 0 when all was closed, with 1 when it failed or took over `limitMs`. */
export function stopOnSignal (stop: () => Promise<void>, limitMs: number, log: Logger): void {
  let stopping = false
  const begin = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal }, 'stopping; once more ends it at once')
    setTimeout(() => {
      log.error(`not everything closed within ${limitMs} ms`)
      process.exit(1)
    }, limitMs).unref()
    stop().then(() => process.exit(0), (error: unknown) => {
      log.error({ err: error }, 'the stop failed')
      process.exit(1)
    })
  }
  process.on('SIGINT', begin)
  process.on('SIGTERM', begin)
}
