// kill -9 at every step of archiving and of restoring: finished or undone, nothing lost, nothing orphaned.
import t from 'tap'
import { withFile } from '../../../src/tenancy/lifecycle/archive/prove-file.js'
import { archiveTenant, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { killAt } from '../../helpers/kill-at.js'
import { place, tenantIn, traces } from '../../helpers/operation-traces.js'

t.setTimeout(300_000)

const sweep = new AbortController().signal
const asked = { requestedBy: 'tests' }

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
