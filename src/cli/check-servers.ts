// The doctor's look at each database server: reachable, its version, its connections, its age in transactions, the spares on it.
import { sql } from 'kysely'
import { type DatabaseServerSetting, tenantServers } from '../config.js'
import { mapBounded } from '../tenancy/map-bounded.js'
import { currentSchemaVersion } from '../tenancy/schema-version.js'
import { attempt, type Check, ok, warning } from './check.js'
import { type Operator } from './operator.js'
import { judgeServer, readServerFacts } from './server-facts.js'

const AT_ONCE = 8

export async function checkServers (operator: Operator): Promise<Check[]> {
  const servers = tenantServers(operator.config, operator.registryUrl)
  return (await mapBounded(servers, AT_ONCE, (server) =>
    attempt(`server ${server.name}`, 'Check that it runs and that its URL in TENANT_SERVERS is right.', () => checkServer(operator, server)))).flat()
}

async function checkServer (operator: Operator, server: DatabaseServerSetting): Promise<Check[]> {
  const facts = await readServerFacts(server, operator.config, operator.log)
  return [...judgeServer(server.name, facts, operator.config), await checkSpares(operator, server.name)]
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
