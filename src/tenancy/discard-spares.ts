// Drops the spares on servers that take nobody: they would be in the way of emptying those.
import { sql } from 'kysely'
import { discardSpare } from './inspect-server.js'
import { type Provisioning } from './provisioning.js'
import { selectTenants, toTenant } from './tenant-rows.js'

/** One query when there is none. A failure is logged, counted, and left to the reconciler. */
export async function discardUnwanted (work: Provisioning): Promise<{ discarded: number, failed: number }> {
  let [discarded, failed] = [0, 0]
  const rows = await selectTenants(work.registry)
    .where('tenants.status', '=', 'spare')
    .where('database_servers.state', 'not in', ['open', 'full'])
    .where('database_servers.name', '=', sql<string>`ANY(${work.servers.names})`)
    .execute()
  for (const spare of rows.map(toTenant)) {
    try {
      if (await discardSpare(work, spare)) discarded++
    } catch (error) {
      work.log.warn({ err: error, tenantId: spare.id, server: spare.server.name }, 'a spare on a server that takes nobody could not be dropped; the reconciler goes on with it')
      failed++
    }
  }
  return { discarded, failed }
}
