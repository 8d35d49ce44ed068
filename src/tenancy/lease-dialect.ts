// Kysely's dialect for a lease: PostgreSQL's SQL, and a driver that has exactly one connection and never another.
import {
  type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryCompiler, type TransactionSettings,
  IdentifierNode, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, RawNode, createQueryId
} from 'kysely'
import { type LeaseConnection } from './lease-connection.js'

// Both are stateless between calls, and calls are synchronous, so all leases share them: making them anew is most of a Kysely's cost.
const adapter = new PostgresAdapter()
const compiler: QueryCompiler = new PostgresQueryCompiler()

export function leaseDialect (connection: LeaseConnection): Dialect {
  return {
    createAdapter: () => adapter,
    createQueryCompiler: () => compiler,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createDriver: () => new LeaseDriver(connection)
  }
}

class LeaseDriver implements Driver {
  constructor (readonly connection: LeaseConnection) {}

  async init (): Promise<void> {}

  async acquireConnection (): Promise<DatabaseConnection> {
    return this.connection.acquire()
  }

  async beginTransaction (handle: DatabaseConnection, { isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    const mode = accessMode === undefined ? '' : ` ${accessMode}`
    await this.connection.begin(handle, `begin${level}${mode}`)
  }

  async commitTransaction (): Promise<void> {
    await this.connection.end('commit')
  }

  async rollbackTransaction (): Promise<void> {
    await this.connection.end('rollback')
  }

  async savepoint (handle: DatabaseConnection, name: string): Promise<void> {
    await handle.executeQuery(savepointCommand('savepoint', name))
  }

  async rollbackToSavepoint (handle: DatabaseConnection, name: string): Promise<void> {
    await handle.executeQuery(savepointCommand('rollback to', name))
  }

  async releaseSavepoint (handle: DatabaseConnection, name: string): Promise<void> {
    await handle.executeQuery(savepointCommand('release', name))
  }

  async releaseConnection (): Promise<void> {}

  async destroy (): Promise<void> {}
}

function savepointCommand (command: string, name: string): CompiledQuery {
  return compiler.compileQuery(RawNode.createWithChildren([RawNode.createWithSql(`${command} `), IdentifierNode.create(name)]), createQueryId())
}
