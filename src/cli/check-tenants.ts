// The doctor's look into the tenants' databases: each opened once, as its server's administrator, a few at a time.
import { sql } from 'kysely'
import { mapBounded } from '../tenancy/map-bounded.js'
import { selectTenants, toTenant } from '../tenancy/tenant-rows.js'
import { type Tenant } from '../tenancy/tenant.js'
import { judgeEntries } from './check-entries.js'
import { checkTables, type TableLimits, usualLimits } from './check-tables.js'
import { attempt, type Check, failed, messageOf, ok } from './check.js'
import { type Compared, compareEntries, readListedEntries, readOwnEntries } from './compare-entries.js'
import { type Operator } from './operator.js'

/** Databases looked into at a time, all servers together. */
const AT_ONCE = 8

export interface TenantsLook {
  limits?: TableLimits
  onProgress?: (done: number, total: number) => void
}

type Look = { tenant: Tenant, tables: Check[], compared: Compared } | { tenant: Tenant, error: string }

export async function checkTenants (operator: Operator, { limits = usualLimits, onProgress = () => undefined }: TenantsLook = {}): Promise<Check[]> {
  return await attempt('tenants\' databases', 'See the other findings.', async () => {
    const tenants = await tenantsAtRest(operator)
    let done = 0
    const looks = await mapBounded(tenants, AT_ONCE, async (tenant): Promise<Look> => {
      const look = await lookInto(operator, tenant, limits)
      onProgress(++done, tenants.length)
      return look
    })
    const seen = looks.filter((look) => 'compared' in look)
    return [
      ok('tenants\' databases', `${seen.length} looked into`),
      ...unreached(looks.filter((look) => 'error' in look)),
      ...judgeEntries(operator, seen.map(({ compared }) => compared)),
      ...seen.flatMap(({ tables }) => tables)
    ]
  })
}

/** What an operation is under way with is its own business. */
async function tenantsAtRest ({ registry, provisioner: { work } }: Operator): Promise<Tenant[]> {
  const rows = await selectTenants(registry).where('tenants.status', 'in', ['active', 'suspended', 'moving'])
    .where('database_servers.name', '=', sql<string>`ANY(${work.servers.names})`)
    .where(sql<boolean>`NOT EXISTS (SELECT FROM tenant_operations o WHERE o.tenant_id = tenants.id AND o.status IN ('running', 'failed') AND o.kind <> 'backup')`)
    .orderBy('tenants.id').execute()
  return rows.map(toTenant)
}

async function lookInto (operator: Operator, tenant: Tenant, limits: TableLimits): Promise<Look> {
  const { registry, keyring, provisioner: { work } } = operator
  try {
    const { tables, own } = await work.servers.connect(tenant.server.name, async (client) => ({
      tables: await checkTables(work, client, tenant, limits), own: await readOwnEntries(client, keyring)
    }), tenant.databaseName)
    return { tenant, tables, compared: compareEntries(tenant, own, await readListedEntries(registry, tenant, own)) }
  } catch (error) {
    return { tenant, error: messageOf(error) }
  }
}

/** One finding for all that fail alike: a server that is away has thousands. */
function unreached (looks: ReadonlyArray<{ tenant: Tenant, error: string }>): Check[] {
  const alike = new Map<string, string[]>()
  for (const { tenant, error } of looks) {
    const why = `on ${tenant.server.name} could not be looked into: ${error}`
    alike.set(why, [...alike.get(why) ?? [], tenant.id])
  }
  return [...alike].map(([why, ids]) => failed('tenants\' databases', `${ids.length === 1 ? ids.join() : `${ids.length}, of which ${ids.slice(0, 3).join(', ')},`} ${why}`, 'See the server\'s own check.'))
}
