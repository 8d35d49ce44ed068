// The SQL of Koinonia's own read of a member, taken from the code, so that peers run exactly the same.
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { findMember } from '../../src/features/members/queries.js'
import { type TenantDatabase } from '../../src/tenancy/tenant.js'

export async function memberReadSql (): Promise<string> {
  let seen = ''
  const db = new Kysely<TenantDatabase>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler()
    },
    log: ({ query }) => { seen = query.sql }
  })
  await findMember(db, '')
  if (seen === '') throw new Error('The read of a member ran no SQL')
  return seen
}
