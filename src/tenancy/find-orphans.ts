// Databases and roles of ours on one server that no row of the registry knows.
import { sql } from 'kysely'
import { DatabaseError } from 'pg'
import { type Found } from './inspect-server.js'
import { type Finding, type Inspection, type Leftover } from './leftovers.js'
import { type Provisioning } from './provisioning.js'
import { type TenantId } from './tenant.js'
import { dropFromServer } from './undo-tenant.js'

const UNDEFINED_TABLE = '42P01'

/** Those with somebody's data in them are for a person to decide. */
export async function findOrphans (work: Provisioning, server: string, found: Found): Promise<Inspection> {
  const [leftovers, findings]: [Leftover[], Finding[]] = [[], []]
  for (const name of await withoutRow(work, found.roles)) {
    if (found.databases.has(name) && await holdsData(work, server, name)) {
      findings.push({
        kind: 'orphan-with-data',
        server,
        subject: name,
        detail: 'The registry has no row for this database, but it has an admin in it: was the registry restored from an older copy? Restore the row, or drop the database by hand.'
      })
    } else {
      leftovers.push(orphan(work, server, name))
    }
  }
  return { leftovers, findings }
}

async function withoutRow (work: Provisioning, roles: string[]): Promise<string[]> {
  if (roles.length === 0) return []
  const { rows } = await sql<{ name: string }>`
    SELECT name FROM unnest(${roles}::text[]) AS name
    WHERE NOT EXISTS (SELECT FROM tenants WHERE role_name = name)`.execute(work.registry)
  return rows.map(({ name }) => name)
}

function orphan (work: Provisioning, server: string, name: string): Leftover {
  return {
    kind: 'orphan',
    server,
    subject: name,
    async remove () {
      if ((await withoutRow(work, [name])).length === 0) return false
      const nobodys = { id: name.slice('tenant_'.length) as TenantId, databaseName: name, roleName: name }
      await work.servers.connect(server, (client) => dropFromServer(work, client, nobodys))
      return true
    }
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
