// Operations on an organization whose database is of an older version than the code, or of a newer one: they work, or are refused before anything is done.
import t from 'tap'
import { backupSaga } from '../../../src/tenancy/lifecycle/backup-tenant.js'
import { cloneSaga, newClone } from '../../../src/tenancy/lifecycle/clone/clone-tenant.js'
import { moveSaga } from '../../../src/tenancy/lifecycle/move-tenant.js'
import { archiveTenant, findFile, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { goBackTo, verifyBackup } from '../../../src/tenancy/lifecycle/request-backup.js'
import { currentSchemaVersion } from '../../../src/tenancy/schema-version.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { before, after } from '../../helpers/make-fleet.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { connect, databaseUrl, makeRegistry } from '../../helpers/provisioning-ground.js'
import { twoServers } from '../../helpers/second-server.js'

t.setTimeout(120_000)

const asked = { requestedBy: 'tests' }
const current = currentSchemaVersion()
const { TENANT_SERVERS, west } = await twoServers(t)
const registry = await makeRegistry(t)
let atCopying: () => Promise<unknown> = async () => undefined
const opened = await openOperations(t, registry.registryUrl, t.testdir(), { TENANT_SERVERS, onStep: async (point) => { if (point === 'target-made') await atCopying() } })
const { operations, provisioner, tenancy, forFiles } = opened
await provisioner.recordServers()
await registry.sql.query('UPDATE database_servers SET state = \'draining\' WHERE name = \'west\'')

/** On east, with one admin, and gone back to the older version. */
async function makeBehind (): Promise<TenantId> {
  const id = await makeTenant(opened)
  await provisioner.migrateTenants({ only: [id], to: before, down: true })
  t.strictSame(await versions(id), { registry: before, database: before })
  return id
}

async function versions (id: TenantId, adminUrl = registry.adminUrl) {
  const { rows: [row] } = await registry.sql.query<{ schema_version: number }>('SELECT schema_version FROM tenants WHERE id = $1', [id])
  const client = await connect(databaseUrl(adminUrl, `tenant_${id}`))
  const { rows } = await client.query('SELECT FROM pgmigrations')
  await client.end()
  return { registry: row?.schema_version, database: rows.length }
}

const admins = (id: TenantId) => tenancy.withTenant(id, async (db) => (await db.selectFrom('admins').select('email').execute()).map(({ email }) => email))

await t.test('archived as it is, and restored at today\'s version', async (t) => {
  const id = await makeBehind()
  const { id: file } = await archiveTenant(forFiles, id, asked)
  t.match(await opened.registry.db.selectFrom('tenant_backups').select('schema_version').where('id', '=', file).execute(), [{ schema_version: before }])
  await restoreArchived(forFiles, id, 'east', asked)
  t.strictSame(await versions(id), { registry: current, database: current })
  t.strictSame(await admins(id), [`${id}@example.org`])
})

await t.test('backed up and proved as it is; gone back to after it was migrated, it comes up again by itself', async (t) => {
  const id = await makeBehind()
  await operations.perform(backupSaga, id, {}, asked)
  const { id: backup } = await opened.registry.db.selectFrom('tenant_backups').select('id').where('tenant_id', '=', id).executeTakeFirstOrThrow()
  const file = await findFile(opened.registry.db, backup)
  t.equal(await verifyBackup(forFiles, file, asked), undefined)
  t.strictSame(await versions(id), { registry: before, database: before }, 'a backup changes nothing')
  await provisioner.migrateTenants({ only: [id] })
  await goBackTo(forFiles, file, undefined, asked)
  t.strictSame(await versions(id), { registry: current, database: current })
  t.strictSame(await admins(id), [`${id}@example.org`])
})

await t.test('moved as it is, also when a request has it migrated meanwhile', async (t) => {
  const move = async (id: TenantId) => {
    await registry.sql.query('UPDATE database_servers SET state = \'open\' WHERE name = \'west\'')
    await operations.perform(moveSaga, id, { to: 'west' }, asked)
    await registry.sql.query('UPDATE database_servers SET state = \'draining\' WHERE name = \'west\'')
  }
  const [still, migrated] = [await makeBehind(), await makeBehind()]
  await move(still)
  t.strictSame(await versions(still, west), { registry: before, database: before })
  atCopying = () => provisioner.migrateTenants({ only: [migrated], to: after })
  await move(migrated)
  atCopying = async () => undefined
  t.strictSame(await versions(migrated, west), { registry: after, database: after })
  await provisioner.migrateTenants()
  for (const id of [still, migrated]) {
    t.strictSame(await versions(id, west), { registry: current, database: current })
    t.strictSame(await admins(id), [`${id}@example.org`])
  }
})

await t.test('a staging copy wants today\'s schema, whose columns its rules name: refused, and made after the migration', async (t) => {
  const id = await makeBehind()
  const clone = () => operations.perform(cloneSaga, id, newClone(opened.keyring, { name: 'Copy', email: 'other@example.org', passwordHash: 'none', to: undefined, now: new Date() }), asked)
  await t.rejects(clone(), { code: 'TENANT_BEHIND', message: new RegExp(`schema version ${before}.*koinonia migrate tenants --only ${id}`) })
  t.strictSame(await operations.list({ tenantId: id, unfinishedOnly: false, limit: 9 }), [])
  await provisioner.migrateTenants({ only: [id] })
  await clone()
})

await t.test('what newer code has migrated is neither archived nor moved nor copied by this code', async (t) => {
  const id = await makeTenant(opened)
  await registry.sql.query('UPDATE tenants SET schema_version = schema_version + 1 WHERE id = $1', [id])
  await registry.sql.query('UPDATE database_servers SET state = \'open\' WHERE name = \'west\'')
  const newer = { code: 'TENANT_STATUS_CONFLICT', message: /newer than this code's/ }
  await t.rejects(archiveTenant(forFiles, id, asked), newer)
  await t.rejects(operations.perform(moveSaga, id, { to: 'west' }, asked), newer)
  await t.rejects(operations.perform(cloneSaga, id, newClone(opened.keyring, { name: 'Copy', email: 'third@example.org', passwordHash: 'none', to: undefined, now: new Date() }), asked), newer)
  t.match(await operations.tenant(id), { status: 'active', server: { name: 'east' } })
})
