// What happens to the database servers under the service.
import { setTimeout as pause } from 'node:timers/promises'
import { type Ground } from './ground.js'

export interface Fault {
  server: 'east' | 'west'
  /** `stop`: as for an upgrade. `kill`: kill -9, and it stays dead. */
  how: 'stop' | 'kill'
  darkMs: number
}

/** A breaker tries again after 15 s at the latest, and the first connection may take 5 s. */
const echoMs = 22_000

/** The registry lives in the east: without it nobody can be looked up. Resolves when the server takes connections again. */
export async function strike ({ clusters, excuses, services }: Ground, { server, how, darkMs }: Fault): Promise<void> {
  const place = services.provisioner.work.servers.names.indexOf(server)
  const cluster = clusters[place]
  if (cluster === undefined) throw new Error(`There is no server ${server}`)
  const end = excuses.begin({ ...(place === 0 ? {} : { server }), codes: ['DATABASE_UNAVAILABLE', 'DATABASE_BUSY'], echoMs })
  await (how === 'kill' ? cluster.kill() : cluster.stop())
  await pause(darkMs)
  await cluster.start()
  end()
}
