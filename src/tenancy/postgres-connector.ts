// Opens and closes one database's physical connections through its pg.Pool, and knows when each is really gone.
import net from 'node:net'
import pg from 'pg'
import { endWhenSilent } from '../registry/server-failure.js'
import { type Connector } from './budget-account.js'
import { cancelQuery } from './cancel-query.js'
import { type ConnectionSettings, type ConnectionTarget } from './connection-target.js'
import { type PostgresConnection } from './postgres-connection.js'
import { type Statement } from './prepared-query.js'
import { isRefusedPassword } from './refused-password.js'
import { ScramClient } from './scram-client.js'
import { TransactionLimits } from './transaction-limits.js'

/** A connection that nothing is sent on is proved alive after so long. */
const KEEP_ALIVE_MS = 30_000

interface Opened extends PostgresConnection {
  readonly socket: net.Socket
  readonly gone: Promise<void>
}

/**
 * Clients stay checked out of the pool all their life, so it never opens, closes or queues by itself: the budget alone
 * decides. A connection counts as gone when its socket has closed, which the server does as its backend ends.
 */
export class PostgresConnector implements Connector<PostgresConnection> {
  readonly #pool: pg.Pool
  readonly #opened = new WeakMap<PostgresConnection, Opened>()
  /** Those that the server ended before anybody held them. */
  readonly #lostEarly = new WeakSet<pg.ClientBase>()
  #newSocket: net.Socket | undefined
  readonly #limits: TransactionLimits | undefined
  #rotated = false
  /** Of all sessions of a pooler: closing a connection to it does not end any. */
  readonly #plans = { stale: false }

  constructor (readonly target: ConnectionTarget, readonly settings: ConnectionSettings) {
    const { pooler } = target
    this.#limits = pooler === undefined ? undefined : new TransactionLimits(settings)
    this.#pool = new pg.Pool({
      Client: ScramClient,
      host: target.host,
      port: target.port,
      database: target.database,
      user: target.user,
      password: () => this.#rotated ? target.nextPassword?.() ?? target.password() : target.password(),
      application_name: target.applicationName,
      max: settings.max,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: settings.connectTimeoutMs,
      ...(pooler === undefined ? { statement_timeout: settings.statementTimeoutMs, idle_in_transaction_session_timeout: settings.idleInTransactionMs } : {}),
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      stream: () => (this.#newSocket = new net.Socket())
    })
    // A closing client reports its errors here; its socket's end is all that matters by then.
    this.#pool.on('error', () => undefined)
    // A dying server may say so with the same breath as it lets us in, before `connect` has returned: unheard it would end the process.
    this.#pool.on('connect', (client) => { client.on('error', () => { this.#lostEarly.add(client) }) })
  }

  async open (lost: () => void): Promise<PostgresConnection> {
    const rotatedBefore = this.#rotated
    try {
      return await this.#connect(lost)
    } catch (error) {
      if (rotatedBefore || this.target.nextPassword === undefined || !isRefusedPassword(error)) throw error
    }
    this.#rotated = true
    try {
      return await this.#connect(lost)
    } catch (error) {
      if (isRefusedPassword(error)) this.#rotated = false
      throw error
    }
  }

  async #connect (lost: () => void): Promise<PostgresConnection> {
    const connecting = this.#pool.connect()
    const socket = this.#newSocket
    if (socket === undefined) throw new Error('The pool connected without a socket of its own')
    this.#newSocket = undefined
    const gone = new Promise<void>((resolve) => { socket.once('close', () => { resolve() }) })
    try {
      const client = await connecting
      const statements = await this.#keepsNames(client, socket) ? new Map<string, Statement>() : undefined
      const plans = this.target.pooler === undefined ? { stale: false } : this.#plans
      const connection: Opened = {
        client, statements, plans, limits: this.#limits, fresh: true, running: 0, onQuiet: undefined, broken: this.#lostEarly.has(client), unfit: false, socket, gone
      }
      const breakDown = (): void => {
        connection.broken = true
        lost()
      }
      client.on('error', () => {
        this.target.pooler?.forget()
        breakDown()
      })
      client.once('end', breakDown)
      // Administrators' connections count no statements as running: they wait for hours on purpose.
      endWhenSilent(client, this.settings.statementTimeoutMs + this.settings.connectTimeoutMs, () => connection.running > 0)
      this.#opened.set(connection, connection)
      return connection
    } catch (error) {
      await this.#end(socket, gone)
      throw error
    }
  }

  /** Ends the connection when it can't be told in time. */
  async #keepsNames (client: pg.PoolClient, socket: net.Socket): Promise<boolean> {
    const { pooler } = this.target
    if (pooler === undefined) return true
    const timer = setTimeout(() => { socket.destroy() }, this.settings.connectTimeoutMs)
    try {
      return await pooler.keepsStatements(client)
    } catch (error) {
      client.release(true)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async close (connection: PostgresConnection): Promise<void> {
    const opened = this.#opened.get(connection)
    if (opened === undefined) return
    const { client, socket, gone } = opened
    if (connection.running > 0 && !connection.broken) await this.#cancel(opened)
    // After a fatal error the server closes the socket as its backend ends; cutting it now would free the slot too early.
    if (connection.broken) await this.#end(socket, gone)
    client.release(true)
    await this.#end(socket, gone)
  }

  /** Only after every connection has been closed. */
  async end (): Promise<void> {
    await this.#pool.end()
  }

  async #cancel (connection: Opened): Promise<void> {
    cancelQuery(connection.client, this.target)
    let cancelTimer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      connection.onQuiet = resolve
      cancelTimer = setTimeout(resolve, this.settings.closeTimeoutMs)
    })
    clearTimeout(cancelTimer)
  }

  async #end (socket: net.Socket, gone: Promise<void>): Promise<void> {
    const timer = setTimeout(() => { socket.destroy() }, this.settings.closeTimeoutMs)
    await gone
    clearTimeout(timer)
  }
}
