// A database made anew from an archive: created empty, migrated to the archive's version, filled, proved equal, and brought up to date.
import { type ClientBase, escapeIdentifier, escapeLiteral } from 'pg'
import { applyMigrationsTo } from '../../registry/apply-migrations.js'
import { migrateAsTenant } from '../create-database.js'
import { allowActingAs, ownershipMark } from '../roles.js'
import { TENANT_LOCK, withAdvisoryLock } from '../server-administration.js'
import { DATABASE_LOCALE } from '../template.js'
import { type Tenant } from '../tenant.js'
import { type readArchive } from './archive/archive-file.js'
import { type TableDigest } from './copy/table-digest.js'
import { writeDatabase } from './copy/write-database.js'
import { type OperationContext } from './saga.js'

export interface Site {
  server: string
  database: string
  /** Exists, and owns the database and everything in it. */
  role: string
}

export type Archive = Awaited<ReturnType<typeof readArchive>>
export interface Built { digests: Map<string, TableDigest>, schemaVersion: number }

/** Of an operation's own: no tenant's, and no orphan to the reconciler. */
export const scratchName = (operationId: string): string => `koinonia_scratch_${operationId.replaceAll('-', '')}`

/** A database of this name that an earlier attempt left makes way. When this throws, drop what there is. */
export async function buildDatabase (context: OperationContext, site: Site, { header, parts }: Archive): Promise<Built> {
  const { work, tenant, signal } = context
  await work.servers.connect(site.server, (client) => createEmpty(context, client, site))
  await context.at('created')
  await inside(context, site, async (client) => {
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC')
    await actAs(client, site.role)
    await applyMigrationsTo(client, 'tenant', work.log.child({ tenantId: tenant.id }), header.schemaVersion)
  })
  await context.at('migrated')
  const digests = await inside(context, site, async (client) => {
    await actAs(client, site.role)
    return await writeDatabase(client, parts, signal)
  })
  await context.at('filled')
  const schemaVersion = await inside(context, site, (client) => migrateAsTenant(work, client, { id: tenant.id, roleName: site.role }))
  return { digests, schemaVersion }
}

async function createEmpty ({ work, tenant }: OperationContext, client: ClientBase, { database, role }: Site): Promise<void> {
  await allowActingAs(client, role)
  const [name, mark] = [escapeIdentifier(database), escapeLiteral(ownershipMark(await work.identity()))]
  await withAdvisoryLock(client, [TENANT_LOCK, tenant.id], async () => {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${name} OWNER ${escapeIdentifier(role)} ${DATABASE_LOCALE}`)
    await client.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC; COMMENT ON DATABASE ${name} IS ${mark}`)
  })
}

/** Only one that an operation has named. */
export async function dropScratch ({ work, tenant }: OperationContext, server: string, database: string): Promise<void> {
  await work.servers.connect(server, (client) => withAdvisoryLock(client, [TENANT_LOCK, tenant.id], async () => {
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(database)} WITH (FORCE)`)
  }))
}

export async function inside<T> ({ work }: OperationContext, { server, database }: Pick<Site, 'server' | 'database'>, use: (client: ClientBase) => Promise<T>): Promise<T> {
  return await work.servers.connect(server, use, database)
}

/** What the connection does from now on is done by the owner of the data. */
export async function actAs (client: ClientBase, role: Tenant['roleName']): Promise<void> {
  await allowActingAs(client, role)
  await client.query(`SET ROLE ${escapeIdentifier(role)}`)
}
