// Kysely on the registry's pool, where what fails because the registry is away is told as that and not as a fault of the query.
import { type CompiledQuery, type DatabaseConnection, type Driver, PostgresDialect, type QueryResult } from 'kysely'
import { problem } from '../errors.js'
import { isOutOfReach } from './server-failure.js'

const RETRY_SECONDS = 1

/** Queries throw Problem DATABASE_UNAVAILABLE, with what pg said as its cause, when the server is out of reach; else what pg does. */
export class RegistryDialect extends PostgresDialect {
  override createDriver (): Driver {
    return new RegistryDriver(super.createDriver())
  }
}

class RegistryDriver implements Driver {
  constructor (readonly plain: Driver) {}

  init = async (): Promise<void> => { await this.plain.init() }

  destroy = async (): Promise<void> => { await this.plain.destroy() }

  // Statements like any other, so what they throw is told in the same way.
  beginTransaction: Driver['beginTransaction'] = (connection, settings) => this.plain.beginTransaction(connection, settings)
  commitTransaction: Driver['commitTransaction'] = (connection) => this.plain.commitTransaction(connection)
  rollbackTransaction: Driver['rollbackTransaction'] = (connection) => this.plain.rollbackTransaction(connection)

  async acquireConnection (): Promise<DatabaseConnection> {
    return new RegistryConnection(await this.plain.acquireConnection().catch(fail))
  }

  async releaseConnection (connection: DatabaseConnection): Promise<void> {
    await this.plain.releaseConnection(connection instanceof RegistryConnection ? connection.plain : connection)
  }
}

class RegistryConnection implements DatabaseConnection {
  constructor (readonly plain: DatabaseConnection) {}

  async executeQuery<R> (query: CompiledQuery): Promise<QueryResult<R>> {
    return await this.plain.executeQuery<R>(query).catch(fail)
  }

  streamQuery<R> (query: CompiledQuery, chunkSize?: number): AsyncIterableIterator<QueryResult<R>> {
    return this.plain.streamQuery<R>(query, chunkSize)
  }
}

function fail (error: unknown): never {
  throw error instanceof Error && isOutOfReach(error) ? problem('DATABASE_UNAVAILABLE', { retryAfter: RETRY_SECONDS, cause: error }) : error
}
