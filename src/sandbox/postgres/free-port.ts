// Chooses the TCP port a server listens on.
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { EmbeddedPostgresError } from './failure.js'

export const host = '127.0.0.1'

/** The wanted port if it is free. Throws when it is taken. */
export async function claimPort (wanted: number): Promise<number> {
  if (await isFree(wanted)) return wanted
  throw portTaken(wanted)
}

/** The port of last time if it is free, else another free one below the range that outgoing connections use. */
export async function findPort (lastTime: number | undefined): Promise<number> {
  if (lastTime !== undefined && await isFree(lastTime)) return lastTime
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) return port
  }
  throw new EmbeddedPostgresError(`No free TCP port was found on ${host}. Close programs that listen on many ports and start again.`)
}

export function portTaken (port: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(`Port ${port} for PostgreSQL is taken by another program. End that program, choose another port, or leave the choice to us.`)
}

async function isFree (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
