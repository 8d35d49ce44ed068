// One leased connection as Kysely sees it: statements one at a time, prepared by name, refused once the lease has ended.
import { CompiledQuery, type DatabaseConnection, type QueryResult } from 'kysely'
import pg from 'pg'
import { problem } from '../errors.js'
import { type Tracing } from '../tracing.js'
import { type PostgresConnection } from './postgres-connection.js'
import { isRefusedWrite, isStalePlan } from './query-refusals.js'
import { inQuerySpan } from './query-span.js'
import { type Answered, sendQuery } from './send-query.js'
import { type Tenant } from './tenant.js'

/** A query on a lease that has been given back, or beside the lease's open transaction: a fault of the caller. */
export class LeaseMisused extends Error {
  override name = 'LeaseMisused'
}

const RETRY_MOVED_SECONDS = 2
const RETRY_LOST_SECONDS = 1

const writing = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

export class LeaseConnection {
  #released = false
  #transaction: DatabaseConnection | undefined
  #plain: DatabaseConnection
  #line: Array<() => void> = []
  #occupied = false
  #cursors = 0

  constructor (readonly physical: PostgresConnection, readonly tenant: Pick<Tenant, 'id' | 'status'>, readonly tracing?: Tracing) {
    this.#plain = this.#handle()
  }

  /** False when the connection can't serve another lease: a statement, stream or transaction is unfinished, or it broke. */
  get clean (): boolean {
    const { running, broken, unfit, client } = this.physical
    return running === 0 && !broken && !unfit && !this.#occupied && client.getTransactionStatus() === 'I'
  }

  release (): void {
    this.#released = true
    for (const next of this.#line.splice(0)) next()
  }

  /** What a query outside a transaction, or a transaction about to begin, runs on. */
  acquire (): DatabaseConnection {
    this.#assertLeased()
    if (this.#transaction !== undefined) {
      throw new LeaseMisused(`A transaction is open on this lease of tenant ${this.tenant.id}: run its queries on the transaction, nest with a savepoint, and run anything else after it has ended`)
    }
    return this.#plain
  }

  async begin (handle: DatabaseConnection, sql: string): Promise<void> {
    this.acquire()
    this.#transaction = handle
    this.#plain = this.#handle()
    try {
      await this.#execute(CompiledQuery.raw(`${sql}${this.physical.limits?.afterBegin ?? ''}`))
    } catch (error) {
      this.#transaction = undefined
      throw error
    }
  }

  async end (sql: 'commit' | 'rollback'): Promise<void> {
    try {
      await this.#execute(CompiledQuery.raw(sql))
    } finally {
      this.#transaction = undefined
    }
  }

  #handle (): DatabaseConnection {
    return {
      executeQuery: (query) => this.#execute(query),
      streamQuery: (query, chunkSize) => this.#stream(query, chunkSize)
    }
  }

  #assertLeased (): void {
    if (this.#released) {
      throw new LeaseMisused(`This lease of tenant ${this.tenant.id} has been given back: await every query before the request or withTenant ends`)
    }
  }

  #execute<R> (query: CompiledQuery): Promise<QueryResult<R>> {
    return this.tracing === undefined ? this.#run(query) : inQuerySpan(this.tracing, query, this.tenant.id, () => this.#run(query))
  }

  async #run<R> (query: CompiledQuery): Promise<QueryResult<R>> {
    // pg would queue as well, but its queue can't be stopped when the lease ends, and is deprecated.
    if (this.#occupied) await new Promise<void>((resolve) => this.#line.push(resolve))
    this.#assertLeased()
    this.#occupied = true
    this.physical.running++
    this.physical.fresh = false
    try {
      return toResult(await this.#send<R>(query))
    } catch (error) {
      this.#judge(error)
      // As pg does: the trace of where an answer was read tells nobody which query failed.
      if (error instanceof Error) Error.captureStackTrace(error)
      if (isRefusedWrite(error)) throw problem('TENANT_MOVING', { retryAfter: RETRY_MOVED_SECONDS, cause: error })
      // The server went away under the query, which says nothing about the query.
      if (this.physical.broken) throw problem('DATABASE_UNAVAILABLE', { retryAfter: RETRY_LOST_SECONDS, cause: error })
      // Sent without a name it is planned anew; in a transaction the error has ended that, so the caller must know.
      if (!isStalePlan(error) || this.#transaction !== undefined) throw error
      return toResult(await this.#send<R>(query, false))
    } finally {
      this.#occupied = false
      if (--this.physical.running === 0) this.physical.onQuiet?.()
      this.#line.shift()?.()
    }
  }

  #judge (error: unknown): void {
    if (!(error instanceof pg.DatabaseError)) this.physical.unfit = true
    // After a fatal error the server closes the connection a moment later.
    else if (error.severity === 'FATAL' || error.severity === 'PANIC') this.physical.broken = true
    // The statement's name stays bound to the old plan.
    else if (isStalePlan(error)) this.physical.unfit = this.physical.plans.stale = true
    // Opened while the database was moved, but the move is not known here, or was taken back: the next one may write again.
    else if (isRefusedWrite(error) && this.tenant.status !== 'moving') this.physical.unfit = true
  }

  #send<R> (query: CompiledQuery, named = true): Promise<Answered<R>> {
    return sendQuery<R>(this.physical, query, { named, alone: this.#transaction === undefined })
  }

  /** Rows in chunks through a cursor; outside a transaction it opens one of its own. */
  async * #stream<R> (query: CompiledQuery, chunkSize = 100): AsyncIterableIterator<QueryResult<R>> {
    if (!Number.isInteger(chunkSize) || chunkSize < 1) throw new RangeError('chunkSize must be a positive integer')
    const own = this.#transaction === undefined
    const cursor = `koinonia_${++this.#cursors}`
    if (own) await this.begin(this.#plain, 'begin read only')
    try {
      await this.#execute(CompiledQuery.raw(`declare ${cursor} no scroll cursor for ${query.sql}`, query.parameters.slice()))
      for (;;) {
        const chunk = await this.#execute<R>(CompiledQuery.raw(`fetch ${chunkSize} from ${cursor}`))
        if (chunk.rows.length > 0) yield chunk
        if (chunk.rows.length < chunkSize) break
      }
      await this.#execute(CompiledQuery.raw(`close ${cursor}`))
    } finally {
      if (own) await this.end('rollback')
    }
  }
}

function toResult<R> ({ command, rowCount, rows }: Answered<R>): QueryResult<R> {
  return writing.has(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows }
}
