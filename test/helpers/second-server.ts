// A second PostgreSQL cluster beside the shared one, for what concerns several servers: `east` is the shared one, `west` the new.
import { type EmbeddedPostgres } from '../../src/sandbox/postgres/start-embedded-postgres.js'
import { makeFolder, startFor } from './embedded-postgres.js'
import { testServer } from './test-server.js'

export interface TwoServers {
  /** Administrators' URLs. */
  east: string
  west: string
  /** Both, as the setting has them. */
  TENANT_SERVERS: string
  server: EmbeddedPostgres
}

export async function twoServers (test: Parameters<typeof makeFolder>[0]): Promise<TwoServers> {
  const { adminUrl: east } = await testServer()
  const server = await startFor(test, { dataDir: await makeFolder(test), maxConnections: 100 })
  return { east, west: server.adminUrl, TENANT_SERVERS: `east=${east},west=${server.adminUrl}`, server }
}
