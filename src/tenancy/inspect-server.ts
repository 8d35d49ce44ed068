// Compares one database server with the registry: databases of ours without a row, rows without a database, templates out of date.
import { sql } from 'kysely'
import { type ClientBase, DatabaseError, escapeIdentifier } from 'pg'
import { newlyOwned, type Provisioning } from './provisioning.js'
import { type Finding, type ReconcileReport } from './reconcile.js'
import { ownershipMark } from './roles.js'
import { TEMPLATE_LOCK, withAdvisoryLock } from './server-administration.js'
import { TEMPLATE_PREFIX, templateName } from './template.js'
import { type TenantId } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'
import { dropFromServer, undoTenant } from './undo-tenant.js'

interface Found { roles: string[], databases: Set<string> }

const UNDEFINED_TABLE = '42P01'

export async function inspectServer (work: Provisioning, server: string, report: ReconcileReport): Promise<void> {
  const mark = ownershipMark(await work.identity())
  // The server before the registry: whatever is made meanwhile had its row first, so it can't look like an orphan.
  const found = await work.servers.connect(server, (client) => listOurs(client, mark))
  await dropOrphans(work, server, found, report)
  await findMissing(work, server, found, report)
  await work.servers.connect(server, (client) => dropStaleTemplates(client, mark, report))
}

async function listOurs (client: ClientBase, mark: string): Promise<Found> {
  const roles = await client.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles WHERE rolname LIKE \'tenant\\_%\' AND shobj_description(oid, \'pg_authid\') = $1', [mark])
  const databases = await client.query<{ name: string }>('SELECT datname AS name FROM pg_database WHERE datname LIKE \'tenant\\_%\'')
  return { roles: roles.rows.map(({ name }) => name), databases: new Set(databases.rows.map(({ name }) => name)) }
}

async function dropOrphans (work: Provisioning, server: string, found: Found, report: ReconcileReport): Promise<void> {
  if (found.roles.length === 0) return
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM unnest(${found.roles}::text[]) AS name
    WHERE NOT EXISTS (SELECT FROM tenants WHERE role_name = name)`.execute(work.registry)
  for (const { name } of rows) {
    if (found.databases.has(name) && await holdsData(work, server, name)) {
      report.findings.push({
        kind: 'orphan-with-data',
        server,
        subject: name,
        detail: 'The registry has no row for this database, but it has an admin in it: was the registry restored from an older copy? Restore the row, or drop the database by hand.'
      })
      continue
    }
    const orphan = { id: name.slice('tenant_'.length) as TenantId, databaseName: name, roleName: name }
    await work.servers.connect(server, (client) => dropFromServer(work, client, orphan))
    report.orphansDropped.push(name)
  }
}

/** A database in which nobody has an account is nobody's. One closed to connections has never been given out. */
async function holdsData (work: Provisioning, server: string, database: string): Promise<boolean> {
  const open = await work.servers.connect(server, async (client) =>
    (await client.query('SELECT FROM pg_database WHERE datname = $1 AND datallowconn', [database])).rows.length > 0)
  if (!open) return false
  return await work.servers.connect(server, async (inside) => {
    try {
      return (await inside.query('SELECT FROM admins LIMIT 1')).rows.length > 0
    } catch (error) {
      if (error instanceof DatabaseError && error.code === UNDEFINED_TABLE) return false
      throw error
    }
  }, database)
}

async function findMissing (work: Provisioning, server: string, found: Found, report: ReconcileReport): Promise<void> {
  const rows = await selectTenants(work.registry)
    .where('database_servers.name', '=', server)
    .where('tenants.status', 'in', ['spare', 'active', 'suspended'])
    .execute()
  for (const tenant of rows.map(toTenant).filter(({ databaseName }) => !found.databases.has(databaseName))) {
    if (await work.servers.connect(server, (client) => databaseExists(client, tenant.databaseName))) continue
    if (tenant.status === 'spare') {
      const taken = await work.registry.updateTable('tenants').set({ status: 'creating', ...newlyOwned(work) })
        .where('id', '=', tenant.id).where('status', '=', 'spare').executeTakeFirst()
      if (taken.numUpdatedRows === 1n && await undoTenant(work, tenant, 'own')) report.undone.push(tenant.id)
    } else {
      report.findings.push(missing(server, tenant.databaseName, tenant.status))
    }
  }
}

async function databaseExists (client: ClientBase, name: string): Promise<boolean> {
  return (await client.query('SELECT FROM pg_database WHERE datname = $1', [name])).rows.length > 0
}

function missing (server: string, subject: string, status: string): Finding {
  return { kind: 'database-missing', server, subject, detail: `The registry says this database is ${status}, but the server has none of this name. Restore it from a backup.` }
}

/** Other versions of the code may still want one: they make it again. Other registries' templates are left alone. */
async function dropStaleTemplates (client: ClientBase, mark: string, report: ReconcileReport): Promise<void> {
  const stale = () => client.query<{ name: string }>(`
    SELECT datname AS name FROM pg_database
    WHERE starts_with(datname, $1) AND datname <> $2 AND shobj_description(oid, 'pg_database') = $3`, [TEMPLATE_PREFIX, templateName(), mark])
  if ((await stale()).rows.length === 0) return
  await withAdvisoryLock(client, [TEMPLATE_LOCK], async () => {
    for (const { name } of (await stale()).rows) {
      await client.query(`ALTER DATABASE ${escapeIdentifier(name)} WITH IS_TEMPLATE false`)
      await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`)
      report.templatesDropped.push(name)
    }
  })
}
