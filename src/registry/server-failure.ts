// Tells an error that concerns a whole database server, and ends connections on which a server has fallen silent.
import net from 'node:net'
import { type ClientBase } from 'pg'

declare module 'pg' {
  interface ClientBase { readonly connection: Connection }
}

/** True for what concerns the whole server: network, time-outs, starting up or shutting down, out of connections, memory or disk. */
export function isOutOfReach (error: Error): boolean {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // Whatever has no SQLSTATE comes from the network, or is a password exchange that did not get through.
  if (!/^[0-9A-Z]{5}$/.test(code) || /^E[A-Z]+$/.test(code)) return !error.message.startsWith('SASL')
  // CONNECTION LIMIT of one role or database has the SQLSTATE of a full server (53300), but concerns one tenant.
  if (code === '53300') return !/for (role|database) /.test(error.message)
  return /^(08|53|58|XX|57P0[123])/.test(code)
}

/**
 * From now on a statement on which nothing has come or gone for `limitMs` fails with a lost connection. PostgreSQL itself ends a
 * statement at its statement_timeout, so a server that is silent for longer is away, though its network has not said so: without
 * this it would be noticed after a quarter of an hour. `isWaiting`: whether a statement is under way.
 */
export function endWhenSilent (client: ClientBase, limitMs: number, isWaiting: () => boolean): void {
  const { stream } = client.connection
  if (!(stream instanceof net.Socket)) return
  stream.setTimeout(limitMs)
  // It comes each time that nothing happened for so long, also to a connection that nobody uses.
  stream.on('timeout', () => {
    if (isWaiting()) stream.destroy(new Error(`The database server has been silent for ${limitMs} ms`))
  })
}
