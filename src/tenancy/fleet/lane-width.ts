// How many databases of one server are worked on at a time.
import { availableParallelism } from 'node:os'
import { type Provisioning } from '../provisioning.js'

/** Of a server's connections, for sign-ups and whoever else needs one meanwhile. */
const CONNECTIONS_LEFT = 2

/** Beyond twice the cores nothing is gained; and it never takes all connections that this process may hold. */
export function laneWidth (work: Pick<Provisioning, 'servers'>, server: string, wanted: number | null): number {
  const most = Math.max(1, work.servers.connectionLimit(server) - CONNECTIONS_LEFT)
  return Math.min(most, wanted ?? 2 * availableParallelism())
}
