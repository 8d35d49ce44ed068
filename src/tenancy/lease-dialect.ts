// Kysely's dialect for a lease: PostgreSQL's SQL, and a driver that has exactly one connection and never another.
import {
  type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryCompiler, type QueryResult, type TransactionSettings,
  DefaultQueryExecutor, IdentifierNode, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, RawNode, createQueryId
} from 'kysely'
import { type LeaseConnection } from './lease-connection.js'
import { type TenantDatabase, type TenantDb } from './tenant.js'

// Both are stateless between calls, and calls are synchronous, so all leases share them: making them anew is most of a Kysely's cost.
const adapter = new PostgresAdapter()
const compiler: QueryCompiler = new PostgresQueryCompiler()

export function queriesOn (connection: LeaseConnection): TenantDb {
  const driver = new LeaseDriver(connection)
  const dialect: Dialect = {
    createAdapter: () => adapter,
    createQueryCompiler: () => compiler,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createDriver: () => driver
  }
  return new Kysely<TenantDatabase>({ config: { dialect }, dialect, driver, executor: new LeaseExecutor(connection) })
}

/** Kysely's own asks a driver for its connection and waits for it around each query: seven promises where there is one connection. */
class LeaseExecutor extends DefaultQueryExecutor {
  readonly #connection: LeaseConnection

  constructor (connection: LeaseConnection) {
    super(compiler, adapter, { provideConnection: async (use) => await use(connection.acquire()) })
    this.#connection = connection
  }

  override async executeQuery<R> (query: CompiledQuery): Promise<QueryResult<R>> {
    return await this.#connection.acquire().executeQuery<R>(query)
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
