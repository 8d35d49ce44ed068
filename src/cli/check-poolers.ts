// The doctor's look at poolers: whether an organization's role gets through each to its database.
import { tenantPassword } from '../tenancy/credentials.js'
import { mapBounded } from '../tenancy/map-bounded.js'
import { selectTenants, toTenant } from '../tenancy/tenant-rows.js'
import { attempt, type Check, ok } from './check.js'
import { type Operator } from './operator.js'

const AT_ONCE = 8
const NEXT = 'Check that it runs where TENANT_POOLERS says, with the settings of docker-compose.yml: auth_query must find the roles of organizations.'

export async function checkPoolers (operator: Pick<Operator, 'registry' | 'keyring' | 'provisioner'>): Promise<Check[]> {
  const { servers } = operator.provisioner.work
  const pooled = servers.names.filter((name) => servers.isPooled(name))
  return (await mapBounded(pooled, AT_ONCE, (server) => attempt(`pooler ${server}`, NEXT, () => checkPooler(operator, server)))).flat()
}

async function checkPooler ({ registry, keyring, provisioner: { work } }: Pick<Operator, 'registry' | 'keyring' | 'provisioner'>, server: string): Promise<Check[]> {
  const row = await selectTenants(registry).where('database_servers.name', '=', server).where('tenants.status', 'in', ['active', 'spare'])
    .orderBy('tenants.created_at').limit(1).executeTakeFirst()
  if (row === undefined) return [ok(`pooler ${server}`, 'nobody lives there yet to try it with')]
  const tenant = toTenant(row)
  await work.servers.signInToPooler(server, tenant, tenantPassword(keyring, tenant))
  return [ok(`pooler ${server}`, 'lets organizations in')]
}
