// The doctor's look at each database server: reachable, its version, its connections, the spares on it.
import { sql } from 'kysely'
import pg from 'pg'
import { type DatabaseServerSetting, tenantServers } from '../config.js'
import { currentSchemaVersion } from '../tenancy/schema-version.js'
import { checkVersion } from './check-registry.js'
import { attempt, type Check, ok, warning } from './check.js'
import { type Operator } from './operator.js'

/** Beyond this share of max_connections the next deploy may find no room. */
const CROWDED = 0.9

interface ServerAnswer { number: number, version: string, used: number, allowed: number }

export async function checkServers (operator: Operator): Promise<Check[]> {
  const servers = tenantServers(operator.config, operator.registryUrl)
  return (await Promise.all(servers.map((server) =>
    attempt(`server ${server.name}`, 'Check that it runs and that its URL in TENANT_SERVERS is right.', () => checkServer(operator, server))))).flat()
}

async function checkServer (operator: Operator, server: DatabaseServerSetting): Promise<Check[]> {
  const client = new pg.Client({ connectionString: server.adminUrl, application_name: 'koinonia:doctor', connectionTimeoutMillis: operator.config.DATABASE_CONNECT_TIMEOUT_MS })
  client.on('error', (error) => { operator.log.warn({ err: error, server: server.name }, 'the doctor\'s connection broke') })
  const begun = performance.now()
  await client.connect()
  try {
    const connected = performance.now() - begun
    const { rows: [answer] } = await client.query<ServerAnswer>(`
      SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version,
             (SELECT count(*)::integer FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
             current_setting('max_connections')::integer AS allowed`)
    if (answer === undefined) return []
    return [ok(`server ${server.name}`, `connects in ${connected.toFixed(1)} ms`), checkVersion(`server ${server.name} version`, answer), checkConnections(server.name, answer, operator), await checkSpares(operator, server.name)]
  } finally {
    await client.end()
  }
}

function checkConnections (server: string, { used, allowed }: ServerAnswer, { config }: Operator): Check {
  const name = `server ${server} connections`
  const detail = `${used} of ${allowed} in use; each process takes up to ${config.DATABASE_MAX_CONNECTIONS}`
  if (used < allowed * CROWDED) return ok(name, detail)
  return warning(name, detail, 'Lower DATABASE_MAX_CONNECTIONS, run fewer processes, or raise max_connections.')
}

async function checkSpares ({ registry, config }: Operator, server: string): Promise<Check> {
  const { rows: [count] } = await sql<{ ready: number, state: string }>`
    SELECT count(t.id) FILTER (WHERE t.status = 'spare' AND t.schema_version >= ${currentSchemaVersion()})::integer AS ready, s.state
    FROM database_servers s LEFT JOIN tenants t ON t.server_id = s.id WHERE s.name = ${server} GROUP BY s.id`.execute(registry)
  const name = `server ${server} spares`
  const wanted = config.SPARE_TENANTS
  if (count === undefined) return warning(name, 'not in the registry yet', 'Start the service once: koinonia serve')
  if (count.state !== 'open') return ok(name, `${count.ready}; the server is ${count.state} and gets no more`)
  return count.ready >= wanted ? ok(name, `${count.ready} of ${wanted} ready`) : warning(name, `${count.ready} of ${wanted} ready`, 'A running worker makes them. Is one running? koinonia worker')
}
