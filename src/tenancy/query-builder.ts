// Builds queries without a database, to compile a hot one once at start: building it for each request is most of its cost in Node.
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { type TenantDatabase } from './tenant.js'

/** `queryBuilder.selectFrom(…).compile()`, then `db.executeQuery({ query, queryId, sql, parameters: [id] })` with its parts. */
export const queryBuilder = new Kysely<TenantDatabase>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler()
  }
})
