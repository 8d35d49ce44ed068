// Chooses the TCP port a server listens on.
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { EmbeddedPostgresError } from './failure.js'

export const host = '127.0.0.1'

/** The wanted port if we can listen on it. Throws when it is taken or not for us. */
export async function claimPort (wanted: number): Promise<number> {
  const obstacle = await tryPort(wanted)
  if (obstacle === undefined) return wanted
  if (obstacle === 'EADDRINUSE') throw portTaken(wanted)
  throw new EmbeddedPostgresError(`PostgreSQL cannot listen on port ${wanted} (${obstacle}). Choose another above 1023, or leave the choice to us.`)
}

/** The port of last time if it is free, else another free one below the range that outgoing connections use. */
export async function findPort (lastTime: number | undefined): Promise<number> {
  if (lastTime !== undefined && await tryPort(lastTime) === undefined) return lastTime
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(15_000, 32_000)
    if (await tryPort(port) === undefined) return port
  }
  throw new EmbeddedPostgresError(`No free TCP port was found on ${host}. Close programs that listen on many ports and start again.`)
}

export function portTaken (port: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(`Port ${port} for PostgreSQL is taken by another program. End that program, choose another port, or leave the choice to us.`)
}

/** Listens for a moment; resolves with the system's error code when that fails. */
async function tryPort (port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
}
