// Deleting an organization: refused at once, taken back within the grace, and then nothing of it is left, whenever the process dies.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import t from 'tap'
import { Problem } from '../../../src/errors.js'
import { requestDeletion, takeBackDeletion } from '../../../src/tenancy/lifecycle/request-deletion.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { type Death, killTogether } from '../../helpers/kill-together.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { makeRegistry, marked } from '../../helpers/provisioning-ground.js'
import { until } from '../../helpers/until.js'

t.setTimeout(180_000)

const day = 86_400_000
const inThirtyDays = () => ({ at: new Date(Date.now() + 30 * day), now: false, requestedBy: 'tests' })
const atOnce = () => ({ at: new Date(), now: true, requestedBy: 'tests' })
const sweep = new AbortController().signal

type Ground = Awaited<ReturnType<typeof prepare>>

async function prepare (t: Parameters<typeof makeRegistry>[0] & { testdir: () => string }) {
  const registry = await makeRegistry(t)
  const files = t.testdir()
  const process = await openOperations(t, registry.registryUrl, files)
  return { ...process, ...registry, registry: process.registry, files }
}

/** With a number, a file, and webhooks that carried its words. */
async function settle ({ sql, media, ...process }: Ground): Promise<TenantId> {
  const id = await makeTenant(process)
  const content = Buffer.from('a picture')
  await media.put(`${id}/aa/picture`, { sha256: createHash('sha256').update(content).digest(), size: content.length, contentType: 'image/png', open: () => Readable.from([content]) })
  await sql.query('INSERT INTO phone_number_registry (phone_number, tenant_id, status) VALUES ($1, $2, \'active\')', [`+1615${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`, id])
  await sql.query('INSERT INTO webhook_events (provider, event_id, tenant_id, payload) VALUES (\'telnyx\', $1, $1, \'words\')', [id])
  return id
}

async function whatIsLeft ({ sql, admin, media }: Ground, id: TenantId) {
  const { rows: [counts] } = await sql.query<Record<string, unknown>>(`SELECT
    (SELECT status FROM tenants WHERE id = $1) AS status, (SELECT organization_id IS NULL FROM tenants WHERE id = $1) AS nameless,
    (SELECT count(*)::int FROM organizations) AS organizations, (SELECT count(*)::int FROM admin_email_index) AS emails,
    (SELECT count(*)::int FROM phone_number_registry) AS numbers, (SELECT count(*)::int FROM webhook_events WHERE tenant_id = $1 AND payload IS NOT NULL) AS words,
    (SELECT string_agg(status, ',' ORDER BY id) FROM tenant_operations WHERE tenant_id = $1) AS operations`, [id])
  const { rows: [identity] } = await sql.query<{ id: string }>('SELECT id FROM registry_identity')
  const { rows: databases } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [`tenant_${id}`])
  return { ...counts, roles: (await marked(admin, identity!.id)).length, databases: databases.length, file: await media.exists(`${id}/aa/picture`) }
}

const nothing = { status: 'deleted', nameless: true, organizations: 0, emails: 0, numbers: 0, words: 0, operations: 'done', roles: 0, databases: 0, file: false }

void t.test('within the grace every request is refused, nothing is gone, and taking it back leaves it as it was', async (t) => {
  const ground = await prepare(t)
  const id = await settle(ground)
  const emails = () => ground.tenancy.withTenant(id, (db) => db.selectFrom('admins').select('email').execute())
  t.equal((await emails()).length, 1)
  const asked = await requestDeletion(ground.operations, id, inThirtyDays())
  await until(async () => await emails().then(() => false, (error: unknown) => error instanceof Problem && error.code === 'TENANT_NOT_FOUND'), 2_000)
  await ground.operations.runDue(sweep)
  t.match(await whatIsLeft(ground, id), { status: 'deleting', organizations: 1, emails: 1, numbers: 1, words: 1, databases: 1, file: true, operations: 'running' })
  t.strictSame(await requestDeletion(ground.operations, id, inThirtyDays()), asked, 'asking again changes nothing')
  await takeBackDeletion(ground.operations, id)
  t.match(await whatIsLeft(ground, id), { status: 'active', organizations: 1, operations: 'undone' })
  await until(async () => (await emails().catch(() => [])).length === 1, 2_000)
  await t.rejects(takeBackDeletion(ground.operations, id), { code: 'TENANT_STATUS_CONFLICT' })
  await ground.provisioner.suspend(id)
  await requestDeletion(ground.operations, id, inThirtyDays())
  await takeBackDeletion(ground.operations, id)
  t.match(await whatIsLeft(ground, id), { status: 'suspended' }, 'what was suspended before is so again')
})

void t.test('after the grace a worker removes database, role, routes, e-mail and files; other tenants keep theirs', async (t) => {
  const ground = await prepare(t)
  const id = await settle(ground)
  const other = await makeTenant(ground, 'Neighbour')
  const neighbours = () => ground.tenancy.withTenant(other, (db) => db.selectFrom('admins').select('email').execute())
  await requestDeletion(ground.operations, id, inThirtyDays())
  await ground.sql.query('UPDATE tenant_operations SET run_after = now()')
  await ground.operations.runDue(sweep)
  t.strictSame(await whatIsLeft(ground, id), { ...nothing, organizations: 1, emails: 1, roles: 1 })
  t.equal((await neighbours()).length, 1)
  await t.rejects(ground.tenancy.withTenant(id, async () => undefined), { code: 'TENANT_NOT_FOUND' })
  await t.rejects(requestDeletion(ground.operations, id, atOnce()), { code: 'TENANT_STATUS_CONFLICT' })
  t.match(await ground.provisioner.reconcile(), { orphansDropped: [], findings: [] })
})

void t.test('connections that other processes hold do not stop the removal, and what waits is not taken back any more', async (t) => {
  const ground = await prepare(t)
  const another = await openOperations(t, ground.registryUrl, ground.files)
  const id = await settle(ground)
  const lease = await another.tenancy.lease(id)
  await requestDeletion(ground.operations, id, atOnce())
  await ground.operations.runDue(sweep)
  t.strictSame(await whatIsLeft(ground, id), nothing)
  lease.release()
  await t.rejects(takeBackDeletion(ground.operations, id), { code: 'TENANT_STATUS_CONFLICT' })
})

void t.test('a database that another registry made is never dropped: the deletion fails and waits for a person', async (t) => {
  const ground = await prepare(t)
  const id = await settle(ground)
  await ground.admin.query(`COMMENT ON ROLE tenant_${id} IS 'somebody else''s'`)
  await requestDeletion(ground.operations, id, atOnce())
  await ground.operations.runDue(sweep)
  t.match(await whatIsLeft(ground, id), { status: 'deleting', databases: 1, operations: 'running' })
  await t.rejects(takeBackDeletion(ground.operations, id), { code: 'TENANT_STATUS_CONFLICT', message: /can only be finished/ })
  await ground.admin.query(`DROP DATABASE tenant_${id} WITH (FORCE)`)
  await ground.admin.query(`DROP ROLE tenant_${id}`)
  await ground.sql.query('UPDATE tenant_operations SET run_after = now()')
  await ground.operations.runDue(sweep)
  t.match(await whatIsLeft(ground, id), { status: 'deleted', operations: 'done' })
})

void t.test('killed at every step, the next sweep finishes: nothing is left and nothing is orphaned', async (t) => {
  const ground = await prepare(t)
  const points = ['begun:did', 'begun', 'routes-removed:did', 'routes-removed', 'media-removed:did', 'media-removed', 'copies-removed:did', 'copies-removed', 'database-dropped', 'role-dropped', 'database-dropped:did', 'done']
  const deaths: Death[] = []
  for (const point of points) deaths.push({ tenantId: await settle(ground), kind: 'delete', point })
  await killTogether(t, { sql: ground.sql, args: [ground.registryUrl, ground.files] }, deaths)
  await ground.operations.runDue(sweep)
  for (const { tenantId, point } of deaths) t.strictSame(await whatIsLeft(ground, tenantId as TenantId), nothing, point)
  t.match(await ground.provisioner.reconcile(), { orphansDropped: [], findings: [], undone: [] })
})
