// The doctor's look at each database server: reachable, its version, its connections, its age in transactions, the spares on it.
import { sql } from 'kysely'
import { type DatabaseServerSetting, tenantServers } from '../config.js'
import { mapBounded } from '../tenancy/map-bounded.js'
import { currentSchemaVersion } from '../tenancy/schema-version.js'
import { isAt } from '../tenancy/connected-servers.js'
import { attempt, type Check, failed, ok, warning } from './check.js'
import { type Operator } from './operator.js'
import { judgeServer, readServerFacts } from './server-facts.js'

const AT_ONCE = 8

export async function checkServers (operator: Operator): Promise<Check[]> {
  const servers = tenantServers(operator.config, operator.registryUrl)
  const checks = await mapBounded(servers, AT_ONCE, (server) =>
    attempt(`server ${server.name}`, 'Check that it runs and that its URL in TENANT_SERVERS is right.', () => checkServer(operator, server)))
  return [...checks.flat(), ...await checkUnnamed(operator, servers.map(({ name }) => name))]
}

async function checkServer (operator: Operator, server: DatabaseServerSetting): Promise<Check[]> {
  const before = heldByUs(operator, server)
  const facts = await readServerFacts(server, operator.config, operator.log)
  // A fleet that uses all it may is not above its budget because the doctor looks at it.
  const ours = Math.max(0, facts.ours - Math.max(before, heldByUs(operator, server)))
  return [...judgeServer(server.name, { ...facts, ours }, operator.config), await checkSpares(operator, server.name)]
}

/** This command's own connections there, with the one that counts. */
function heldByUs ({ tenancy, provisioner, registryPool, registryUrl }: Operator, { name }: DatabaseServerSetting): number {
  const ofTenants = tenancy.stats().servers.find(({ server }) => server === name)?.used ?? 0
  return 1 + ofTenants + (isAt(registryUrl, provisioner.work.servers.address(name)) ? registryPool.totalCount : 0)
}

async function checkUnnamed ({ registry }: Operator, named: string[]): Promise<Check[]> {
  const { rows } = await sql<{ name: string, count: number }>`
    SELECT s.name, count(*)::integer AS count FROM tenants t JOIN database_servers s ON s.id = t.server_id
    WHERE t.status IN ('active', 'suspended', 'moving') AND s.name <> ALL(${named}) GROUP BY 1 ORDER BY 1`.execute(registry)
  return rows.map(({ name, count }) => failed(`server ${name}`, `${count === 1 ? 'One organization lives' : `${count} organizations live`} there, but TENANT_SERVERS does not name it`, 'Name it, with its administrator\'s URL, or nobody migrates them and looks after them.'))
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
