// Waits at a start for a database that is starting itself, as after a power cut or in a set of containers.
import pg from 'pg'
import { setTimeout as pause } from 'node:timers/promises'
import { type Logger } from 'pino'

/** SQLSTATE 57P03, cannot_connect_now, and what a socket says of a server that is not there yet. */
const soonOver = new Set(['57P03', 'ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN'])
const retryMs = 250

/** @throws what the last try threw: at once when waiting cannot help, as with a wrong password, else after `limitMs` milliseconds. */
export async function awaitRegistry (url: string, log: Logger, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs
  for (let told = false; ; told = true) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: limitMs })
    // A connection that breaks while it is being closed has nobody else to tell.
    client.on('error', () => undefined)
    try {
      await client.connect()
      return
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === undefined || !soonOver.has(code) || performance.now() > end) throw error
      if (!told) log.warn({ err: error, waitMs: limitMs }, 'the registry\'s database is not there yet; waiting for it')
      await pause(retryMs)
    } finally {
      await client.end()
    }
  }
}
