// kill -9 at every step of archiving and of restoring: finished or undone, nothing lost, nothing orphaned.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { withFile } from '../../../src/tenancy/lifecycle/archive/prove-file.js'
import { archiveTenant, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { killAt } from '../../helpers/kill-at.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { databaseUrl, makeRegistry } from '../../helpers/provisioning-ground.js'
import { contentsOf } from '../../helpers/tenant-contents.js'

t.setTimeout(300_000)

const sweep = new AbortController().signal
const asked = { requestedBy: 'tests' }

interface Place { ground: Awaited<ReturnType<typeof makeRegistry>>, files: string, opened: Awaited<ReturnType<typeof openOperations>> }

async function place (t: Parameters<typeof makeRegistry>[0] & { testdir: () => string }): Promise<Place> {
  const ground = await makeRegistry(t)
  const files = t.testdir()
  return { ground, files, opened: await openOperations(t, ground.registryUrl, files) }
}

async function tenantIn (place: Place) {
  const { ground, files, opened } = place
  const id = await makeTenant(opened)
  const contents = () => contentsOf(databaseUrl(ground.adminUrl, `tenant_${id}`))
  return { ...place, id, contents, wanted: await contents(), args: [ground.registryUrl, files, id] }
}

/** What there is of the tenant, and whatever operations made and left anywhere. */
async function traces ({ ground: { sql, admin }, files, id }: Awaited<ReturnType<typeof tenantIn>>) {
  const { rows: [row] } = await sql.query<Record<string, unknown>>(`SELECT status, (SELECT count(*)::int FROM tenant_operations WHERE status IN ('running', 'failed')) AS unfinished,
    (SELECT count(*)::int FROM tenant_backups WHERE tenant_id = $1) AS recorded FROM tenants WHERE id = $1`, [id])
  const { rows: [identity] } = await sql.query<{ id: string }>('SELECT id FROM registry_identity')
  const { rows: databases } = await admin.query<{ datname: string }>(`SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') = $1 AND NOT datistemplate
    AND datname LIKE 'koinonia%' OR datname = $2`, [`koinonia registry ${identity!.id}`, `tenant_${id}`])
  const { rows: roles } = await admin.query<{ may: boolean }>('SELECT rolcanlogin AS may FROM pg_roles WHERE rolname = $1', [`tenant_${id}`])
  const kept = await readdir(join(files, 'backups', '_archives', id)).catch(() => [])
  return { ...row, databases: databases.map(({ datname }) => datname), roles: roles.length, mayLogIn: roles[0]?.may, files: kept.length, spooled: (await readdir(join(files, 'spool'))).length }
}

const archived = { status: 'archived', unfinished: 0, recorded: 1, databases: [], roles: 0, mayLogIn: undefined, files: 1, spooled: 0 }
const active = (id: string, files: number) => ({ status: 'active', unfinished: 0, recorded: files, databases: [`tenant_${id}`], roles: 1, mayLogIn: true, files, spooled: 0 })

void t.test('archiving killed at every step ends archived, with a file that gives everything back', async (t) => {
  const points = ['closed:did', 'closed', 'written:did', 'written', 'created', 'migrated', 'filled', 'proved:did', 'proved', 'database-dropped', 'role-dropped', 'dropped:did', 'dropped', 'done']
  const here = await place(t)
  for (const point of points) {
    const g = await tenantIn(here)
    await killAt(t, { sql: g.ground.sql, args: [...g.args, 'archive'], point })
    await g.opened.operations.runDue(sweep)
    t.strictSame(await traces(g), archived, point)
    await restoreArchived(g.opened.forFiles, g.id, undefined, asked)
    t.strictSame(await g.contents(), g.wanted, point)
    t.match(await g.opened.provisioner.reconcile(), { orphansDropped: [], findings: [], undone: [] }, point)
  }
})

void t.test('archiving that fails and is killed while it is taken back leaves the organization as it was', async (t) => {
  const here = await place(t)
  for (const point of ['undo:proved', 'undo:written', 'undo:closed', 'undone']) {
    const g = await tenantIn(here)
    await killAt(t, { sql: g.ground.sql, args: [...g.args, 'archive'], point, failAt: 'filled' })
    await g.opened.operations.runDue(sweep)
    t.strictSame(await traces(g), active(g.id, 0), point)
    t.strictSame(await g.contents(), g.wanted, point)
    t.equal((await g.opened.tenancy.withTenant(g.id, (db) => db.selectFrom('admins').select('email').execute())).length, 1, 'requests are served')
  }
})

void t.test('restoring killed at every step ends with everything back and in use', async (t) => {
  const here = await place(t)
  for (const point of ['created', 'migrated', 'filled', 'built:did', 'built', 'done']) {
    const g = await tenantIn(here)
    await archiveTenant(g.opened.forFiles, g.id, asked)
    await killAt(t, { sql: g.ground.sql, args: [...g.args, 'restore'], point })
    await g.opened.operations.runDue(sweep)
    t.strictSame(await traces(g), active(g.id, 1), point)
    t.strictSame(await g.contents(), g.wanted, point)
  }
})

void t.test('restoring that fails and is killed while it is taken back leaves the archive as it was', async (t) => {
  const here = await place(t)
  for (const point of ['undo:built', 'undone']) {
    const g = await tenantIn(here)
    const file = await archiveTenant(g.opened.forFiles, g.id, asked)
    await killAt(t, { sql: g.ground.sql, args: [...g.args, 'restore'], point, failAt: 'filled' })
    await g.opened.operations.runDue(sweep)
    t.strictSame(await traces(g), archived, point)
    t.equal(await withFile({ archives: g.opened.archives, work: g.opened.provisioner.work }, file.key, async ({ header }) => header.tenantId as TenantId), g.id)
  }
})
