// Asks PostgreSQL to stop what a connection is running, over a socket of its own as the protocol has it.
import net from 'node:net'
import { type ClientBase } from 'pg'

const CANCEL_REQUEST = 80877102
const GIVE_UP_MS = 2_000

/** A courtesy: it may come too late or not arrive, and nothing says so. https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS */
export function cancelQuery (client: ClientBase, server: { host: string, port: number }): void {
  const processId: unknown = Reflect.get(client, 'processID')
  const secretKey: unknown = Reflect.get(client, 'secretKey')
  if (typeof processId !== 'number' || typeof secretKey !== 'number') return
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(CANCEL_REQUEST, 4)
  message.writeInt32BE(processId, 8)
  message.writeInt32BE(secretKey, 12)
  const socket = server.host.startsWith('/')
    ? net.connect(`${server.host}/.s.PGSQL.${server.port}`)
    : net.connect(server.port, server.host)
  socket.on('error', () => { socket.destroy() })
  socket.setTimeout(GIVE_UP_MS, () => { socket.destroy() })
  // The server closes it when it has dealt with it. PgBouncer 1.18 ends altogether when we do so first.
  socket.write(message)
}
