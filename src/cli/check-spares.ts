// The doctor's look at spares that cannot be given out: of an older schema, or on a server that takes nobody.
import { sql } from 'kysely'
import { discardUnwanted } from '../tenancy/discard-spares.js'
import { renewOutdated } from '../tenancy/fill-spares.js'
import { currentSchemaVersion } from '../tenancy/schema-version.js'
import { attempt, type Check, mendable } from './check.js'
import { type Operator } from './operator.js'

export async function checkSpares ({ registry, provisioner }: Operator): Promise<Check[]> {
  return await attempt('spares', 'Run: koinonia migrate', async () => {
    const { work } = provisioner
    const { rows: [count] } = await sql<{ behind: number, unwanted: number }>`
      SELECT count(*) FILTER (WHERE s.state IN ('open', 'full') AND t.schema_version < ${currentSchemaVersion()})::integer AS behind,
             count(*) FILTER (WHERE s.state NOT IN ('open', 'full'))::integer AS unwanted
      FROM tenants t JOIN database_servers s ON s.id = t.server_id
      WHERE t.status = 'spare' AND s.name = ANY(${work.servers.names})`.execute(registry)
    const checks: Check[] = []
    if (count !== undefined && count.behind > 0) {
      checks.push(mendable('stale spares', `${count.behind} of an older schema`, { what: `migrate ${count.behind} spares`, run: async () => { refuse(await renewOutdated(work)) } }, 'warning'))
    }
    if (count !== undefined && count.unwanted > 0) {
      checks.push(mendable('unwanted spares', `${count.unwanted} on servers that take nobody`, { what: `drop ${count.unwanted} spares on servers that take nobody`, run: async () => { refuse(await discardUnwanted(work)) } }, 'warning'))
    }
    return checks
  })
}

function refuse ({ failed }: { failed: number }): void {
  if (failed > 0) throw new Error(`${failed} of them could not be; the log says why`)
}
