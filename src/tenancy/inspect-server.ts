// Compares one database server with the registry: databases of ours without a row or in the wrong place, rows without a database, templates out of date.
import { sql } from 'kysely'
import { type ClientBase, escapeIdentifier } from 'pg'
import { findOrphans } from './find-orphans.js'
import { type Finding, type Inspection, type Leftover } from './leftovers.js'
import { newlyOwned, type Provisioning } from './provisioning.js'
import { ownershipMark } from './roles.js'
import { TEMPLATE_LOCK, withAdvisoryLock } from './server-administration.js'
import { TEMPLATE_PREFIX, templateName } from './template.js'
import { type Tenant } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'
import { undoTenant } from './undo-tenant.js'

export interface Found { roles: string[], databases: Set<string> }

/** Changes nothing; what it finds can remove itself. */
export async function inspectServer (work: Provisioning, server: string): Promise<Inspection> {
  const mark = ownershipMark(await work.identity())
  // The server before the registry: whatever is made meanwhile had its row first, so it can't look like an orphan.
  const { found, templates } = await work.servers.connect(server, async (client) => ({ found: await listOurs(client, mark), templates: await staleTemplates(client, mark) }))
  const [orphans, misplaced, missing] = [await findOrphans(work, server, found), await findMisplaced(work, server, found), await findMissing(work, server, found)]
  return {
    leftovers: [...orphans.leftovers, ...missing.leftovers, ...templates.map((name) => staleTemplate(work, server, name, mark))],
    findings: [...orphans.findings, ...misplaced, ...missing.findings]
  }
}

async function listOurs (client: ClientBase, mark: string): Promise<Found> {
  const roles = await client.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles WHERE rolname LIKE \'tenant\\_%\' AND shobj_description(oid, \'pg_authid\') = $1', [mark])
  const databases = await client.query<{ name: string }>('SELECT datname AS name FROM pg_database WHERE datname LIKE \'tenant\\_%\'')
  return { roles: roles.rows.map(({ name }) => name), databases: new Set(databases.rows.map(({ name }) => name)) }
}

/** What an operation that is under way has here or there is its own business. */
async function findMisplaced (work: Provisioning, server: string, found: Found): Promise<Finding[]> {
  const here = found.roles.filter((name) => found.databases.has(name))
  if (here.length === 0) return []
  const { rows } = await sql<{ name: string, status: string, home: string }>`
    SELECT t.database_name AS name, t.status, s.name AS home FROM tenants t JOIN database_servers s ON s.id = t.server_id
    WHERE t.database_name = ANY(${here}) AND (s.name <> ${server} OR t.status IN ('archived', 'deleted'))
      AND NOT EXISTS (SELECT FROM tenant_operations o WHERE o.tenant_id = t.id AND o.status IN ('running', 'failed'))`.execute(work.registry)
  const findings: Finding[] = []
  for (const { name, status, home } of rows) {
    if (!await work.servers.connect(server, (client) => databaseExists(client, name))) continue
    const detail = home === server
      ? `The registry says it is ${status}, but the server still has its database.`
      : `The registry says it lives on ${home}, but ${server} has a database of this name too.`
    findings.push({ kind: 'misplaced-database', server, subject: name, detail: `${detail} Look into both, then drop the one on ${server} by hand.` })
  }
  return findings
}

async function findMissing (work: Provisioning, server: string, found: Found): Promise<Inspection> {
  const [leftovers, findings]: [Leftover[], Finding[]] = [[], []]
  const rows = await selectTenants(work.registry)
    .where('database_servers.name', '=', server)
    .where('tenants.status', 'in', ['spare', 'active', 'suspended', 'moving'])
    .execute()
  for (const tenant of rows.map(toTenant).filter(({ databaseName }) => !found.databases.has(databaseName))) {
    if (await work.servers.connect(server, (client) => databaseExists(client, tenant.databaseName))) continue
    if (tenant.status === 'spare') leftovers.push(hollowSpare(work, tenant))
    else findings.push(missing(server, tenant.databaseName, tenant.status))
  }
  return { leftovers, findings }
}

async function databaseExists (client: ClientBase, name: string): Promise<boolean> {
  return (await client.query('SELECT FROM pg_database WHERE datname = $1', [name])).rows.length > 0
}

function hollowSpare (work: Provisioning, tenant: Tenant): Leftover {
  return { kind: 'unfinished-tenant', server: tenant.server.name, subject: tenant.id, remove: () => discardSpare(work, tenant) }
}

/** False when somebody has taken it meanwhile. Throws what `undoTenant` does; then the row is left for the reconciler. */
export async function discardSpare (work: Provisioning, tenant: Tenant): Promise<boolean> {
  const taken = await work.registry.updateTable('tenants').set({ status: 'creating', ...newlyOwned(work) })
    .where('id', '=', tenant.id).where('status', '=', 'spare').executeTakeFirst()
  return taken.numUpdatedRows === 1n && await undoTenant(work, tenant, 'own')
}

function missing (server: string, subject: string, status: string): Finding {
  return { kind: 'database-missing', server, subject, detail: `The registry says this database is ${status}, but the server has none of this name. Restore it from a backup.` }
}

/** Other versions of the code may still want one: they make it again. Other registries' templates are left alone. */
async function staleTemplates (client: ClientBase, mark: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT datname AS name FROM pg_database
    WHERE starts_with(datname, $1) AND datname <> $2 AND shobj_description(oid, 'pg_database') = $3`, [TEMPLATE_PREFIX, templateName(), mark])
  return rows.map(({ name }) => name)
}

function staleTemplate (work: Provisioning, server: string, name: string, mark: string): Leftover {
  return {
    kind: 'stale-template',
    server,
    subject: name,
    remove: () => work.servers.connect(server, (client) => withAdvisoryLock(client, [TEMPLATE_LOCK], async () => {
      if (!(await staleTemplates(client, mark)).includes(name)) return false
      await client.query(`ALTER DATABASE ${escapeIdentifier(name)} WITH IS_TEMPLATE false`)
      await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`)
      return true
    }))
  }
}
