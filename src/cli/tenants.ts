// `koinonia tenants`: look at organizations and their databases, sign one up, suspend, resume, move and delete it.
import { type Command, InvalidArgumentError } from 'commander'
import { type RegistryDb } from '../registry/db.js'
import { type TenantId, type TenantStatus } from '../tenancy/tenant.js'
import { archiveCommands } from './archive-tenant.js'
import { backupCommands } from './backup-tenants.js'
import { cloneTenantCommand } from './clone-tenant.js'
import { createTenantCommand } from './create-tenant.js'
import { deleteTenantCommands } from './delete-tenant.js'
import { moveTenantCommand } from './move-tenant.js'
import { asOperator, type Operator } from './operator.js'
import { audited, listActs } from './operator-audit.js'
import { operationsCommand } from './operations.js'
import { table } from './table.js'
import { rotateTenantsCommand } from './rotate-tenants.js'
import { asTenantId, notFound } from './tenant-id.js'

interface Output { json?: true }

const statuses: readonly TenantStatus[] = ['creating', 'spare', 'active', 'suspended', 'moving', 'archived', 'deleting', 'deleted']

/** The latest acts of operators that `show` has. */
const actsShown = 20

export function tenantsCommand (tenants: Command): void {
  tenants.command('list')
    .description('every tenant with its organization, server and schema version')
    .option('--status <status>', `only those that are one of: ${statuses.join(', ')}`, parseStatus)
    .option('--json', 'print JSON')
    .action(async (options: Output & { status?: TenantStatus }) => {
      await asOperator(async ({ registry }) => { print(await listTenants(registry, options.status), options) })
    })
  tenants.command('show <id>')
    .description('one tenant in full')
    .option('--json', 'print JSON')
    .action(async (id: string, options: Output) => {
      await asOperator(async ({ registry }) => { printOne(await showTenant(registry, asTenantId(id)), options) })
    })
  createTenantCommand(tenants)
  statusCommand(tenants, 'suspend', 'refuse every request of an organization from now on; its data stays', async ({ provisioner }, id) => {
    await provisioner.suspend(id)
    return 'suspended'
  })
  statusCommand(tenants, 'resume', 'let a suspended organization in again, also one that is to be deleted', async (operator, id) => {
    const { resumeTenant } = await import('./resume-tenant.js')
    return await resumeTenant(operator, id)
  })
  archiveCommands(tenants)
  cloneTenantCommand(tenants)
  moveTenantCommand(tenants)
  rotateTenantsCommand(tenants)
  backupCommands(tenants)
  deleteTenantCommands(tenants)
  operationsCommand(tenants)
}

function statusCommand (tenants: Command, verb: 'suspend' | 'resume', description: string, change: (operator: Operator, id: TenantId) => Promise<TenantStatus>): void {
  tenants.command(`${verb} <id>`)
    .description(description)
    .option('--json', 'print JSON')
    .action(async (id: string, options: Output) => {
      await asOperator(async (operator) => {
        const subject = asTenantId(id)
        const status = await audited(operator, { action: `tenants.${verb}`, subject, run: () => change(operator, subject) })
        console.log(options.json === true ? JSON.stringify({ id, status }) : `${id} is ${status}.`)
      })
    })
}

export async function listTenants (registry: RegistryDb, status?: TenantStatus) {
  return await registry.selectFrom('tenants')
    .innerJoin('database_servers', 'database_servers.id', 'tenants.server_id')
    .leftJoin('organizations', 'organizations.id', 'tenants.organization_id')
    .select([
      'tenants.id', 'tenants.status', 'organizations.kind', 'organizations.name', 'database_servers.name as server',
      'tenants.schema_version as schema', 'tenants.migration_status as migration', 'tenants.created_at as created'
    ])
    .$if(status !== undefined, (query) => query.where('tenants.status', '=', status ?? 'active'))
    .orderBy('tenants.created_at')
    .execute()
}

export async function showTenant (registry: RegistryDb, id: TenantId) {
  const tenant = await registry.selectFrom('tenants')
    .innerJoin('database_servers', 'database_servers.id', 'tenants.server_id')
    .leftJoin('organizations', 'organizations.id', 'tenants.organization_id')
    .select([
      'tenants.id', 'tenants.status', 'organizations.id as organizationId', 'organizations.kind', 'organizations.name', 'organizations.email',
      'organizations.time_zone as timeZone', 'organizations.trial_ends_at as trialEndsAt',
      'database_servers.name as server', 'database_servers.host', 'database_servers.port', 'tenants.database_name as databaseName',
      'tenants.role_name as roleName', 'tenants.credential_version as credentialVersion', 'tenants.schema_version as schemaVersion',
      'tenants.migration_status as migrationStatus', 'tenants.migration_error as migrationError', 'tenants.migration_attempted_at as migrationAttemptedAt', 'tenants.migration_ms as migrationMs',
      'tenants.provisioning_owner as provisioningOwner', 'tenants.provisioning_expires_at as provisioningExpiresAt', 'tenants.created_at as createdAt'
    ])
    .where('tenants.id', '=', id)
    .executeTakeFirst()
  if (tenant === undefined) throw notFound(id)
  const numbers = await registry.selectFrom('phone_number_registry').select('phone_number').where('tenant_id', '=', id).where('status', '!=', 'released').orderBy('phone_number').execute()
  return { ...tenant, numbers: numbers.map((number) => number.phone_number), operatorActs: await listActs(registry, id, actsShown) }
}

function print (rows: Awaited<ReturnType<typeof listTenants>>, options: Output): void {
  if (options.json === true) console.log(JSON.stringify(rows, null, 2))
  else if (rows.length === 0) console.log('There are no tenants.')
  else console.log(table(rows, ['id', 'status', 'kind', 'name', 'server', 'schema', 'migration', 'created']))
}

function printOne (tenant: Awaited<ReturnType<typeof showTenant>>, options: Output): void {
  if (options.json === true) console.log(JSON.stringify(tenant, null, 2))
  else {
    const { operatorActs, ...facts } = tenant
    const acts = operatorActs.map(({ at, action, user, host, outcome, reason }) =>
      ({ field: 'operator', value: `${at.toISOString()} ${action} by ${user} on ${host}: ${reason === null ? outcome : `${outcome}, ${reason}`}` }))
    console.log(table([...Object.entries(facts).map(([field, value]) => ({ field, value })), ...acts], ['field', 'value']))
  }
}

function parseStatus (value: string): TenantStatus {
  const status = statuses.find((known) => known === value)
  if (status === undefined) throw new InvalidArgumentError(`Use one of: ${statuses.join(', ')}.`)
  return status
}
