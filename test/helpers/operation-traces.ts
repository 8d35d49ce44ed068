// A tenant whose operations are killed, and every trace of it and of them: databases, roles, files, and rows that have not ended.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTenant, openOperations } from './operations-ground.js'
import { databaseUrl, makeRegistry } from './provisioning-ground.js'
import { contentsOf } from './tenant-contents.js'

export interface Place { ground: Awaited<ReturnType<typeof makeRegistry>>, files: string, opened: Awaited<ReturnType<typeof openOperations>> }

export async function place (t: Parameters<typeof makeRegistry>[0] & { testdir: () => string }): Promise<Place> {
  const ground = await makeRegistry(t)
  const files = t.testdir()
  return { ground, files, opened: await openOperations(t, ground.registryUrl, files) }
}

export async function tenantIn (place: Place) {
  const { ground, files, opened } = place
  const id = await makeTenant(opened)
  const contents = () => contentsOf(databaseUrl(ground.adminUrl, `tenant_${id}`))
  return { ...place, id, contents, wanted: await contents(), args: [ground.registryUrl, files, id] }
}

/** What there is of the tenant, and whatever operations made and left anywhere. */
export async function traces ({ ground: { sql, admin }, files, id }: Awaited<ReturnType<typeof tenantIn>>) {
  const { rows: [row] } = await sql.query<Record<string, unknown>>(`SELECT status, (SELECT count(*)::int FROM tenant_operations WHERE status IN ('running', 'failed')) AS unfinished,
    (SELECT count(*)::int FROM tenant_backups WHERE tenant_id = $1) AS recorded FROM tenants WHERE id = $1`, [id])
  const { rows: [identity] } = await sql.query<{ id: string }>('SELECT id FROM registry_identity')
  const { rows: databases } = await admin.query<{ datname: string }>(`SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') = $1 AND NOT datistemplate
    AND datname LIKE 'koinonia%' OR datname = $2`, [`koinonia registry ${identity!.id}`, `tenant_${id}`])
  const { rows: roles } = await admin.query<{ may: boolean }>('SELECT rolcanlogin AS may FROM pg_roles WHERE rolname = $1', [`tenant_${id}`])
  const listed = (folder: string) => readdir(join(files, folder)).catch(() => [])
  const kept = [...await listed(`backups/_archives/${id}`), ...await listed(`backups/_backups/${id}`)]
  return { ...row, databases: databases.map(({ datname }) => datname), roles: roles.length, mayLogIn: roles[0]?.may, files: kept.length, spooled: (await listed('spool')).length }
}
