// An organization with something in every list, archived and restored: equal in every table, and in use again as if nothing had been.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { archiveServices } from '../../../src/cli/archive-tenant.js'
import { startEmbeddedPostgres } from '../../../src/sandbox/postgres/start-embedded-postgres.js'
import { archiveTenant, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { buildTestApp } from '../../helpers/build.js'
import { fastFolder } from '../../helpers/fast-folder.js'
import { connect, databaseUrl, silent } from '../../helpers/provisioning-ground.js'
import { seedOrganization } from '../../helpers/seed-organization.js'
import { contentsOf } from '../../helpers/tenant-contents.js'
import { testServer } from '../../helpers/test-server.js'
import { until } from '../../helpers/until.js'

t.setTimeout(180_000)

const asked = { requestedBy: 'tests' }

/** A cluster of its own, whose administrator is no superuser. */
async function anotherServer (t: Test) {
  const dataDir = await mkdtemp(join(fastFolder, 'koinonia-other-'))
  const server = await startEmbeddedPostgres({ dataDir, durable: false, log: silent })
  t.teardown(async () => {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  const superuser = await connect(server.adminUrl)
  await superuser.query('CREATE ROLE limited LOGIN CREATEDB CREATEROLE PASSWORD \'limited\'')
  await superuser.end()
  const url = new URL(server.adminUrl)
  url.username = url.password = 'limited'
  return { limitedUrl: url.href, superuserUrl: server.adminUrl }
}

void t.test('archived and restored onto another server, every table is equal, the API answers as before, and what waited is sent', async (t) => {
  const { adminUrl } = await testServer()
  const other = await anotherServer(t)
  const app = await buildTestApp(t, { carrier: true, config: { TENANT_SERVERS: `primary=${adminUrl},other=${other.limitedUrl}` } })
  const worker = await app.startWorker()
  const { api, organization: { tenantId: id }, members } = await seedOrganization(app, 'church', 'Alder')
  await worker.stop()
  t.equal((await api('POST', '/messages', { text: 'after the move', to: { memberIds: [members[1]!.id] } })).status, 202)
  const before = await Promise.all(['/members', '/messages', '/conversations', '/keywords', '/templates', '/media', '/dead-letters'].map((path) => api('GET', path)))
  const home = (await app.services.operations.tenant(id)).server.name
  const wanted = await contentsOf(databaseUrl(home === 'primary' ? adminUrl : other.superuserUrl, `tenant_${id}`))
  t.ok(Object.values(wanted).filter((found) => (found as { rows?: number }).rows !== 0).length > 25, 'there is something in most tables')

  const services = archiveServices({ ...app.services, registryUrl: app.registry.url })
  const file = await archiveTenant(services, id, asked)
  const refusal = await until(async () => { const answer = await api<{ code: string }>('GET', '/members'); return answer.status !== 200 && answer })
  t.match(refusal, { status: 403, body: { code: 'TENANT_ARCHIVED' } })
  t.strictSame(await app.registry.query('SELECT FROM pg_database WHERE datname = $1', [`tenant_${id}`]), [], 'the database is gone')
  const recorded = await app.services.registry.selectFrom('tenant_backups').selectAll().where('id', '=', file.id).executeTakeFirstOrThrow()
  t.match(recorded, { kind: 'archive', tenant_id: id, verified_at: Date })

  const destination = home === 'primary' ? 'other' : 'primary'
  await app.services.registry.updateTable('database_servers').set({ state: 'open' }).execute()
  await restoreArchived(services, id, destination, asked)
  t.strictSame(await contentsOf(databaseUrl(destination === 'primary' ? adminUrl : other.superuserUrl, `tenant_${id}`)), wanted)
  t.match(await app.services.operations.tenant(id), { status: 'active', server: { name: destination } })
  await until(async () => (await api('GET', '/members')).status === 200)
  t.strictSame(await Promise.all(['/members', '/messages', '/conversations', '/keywords', '/templates', '/media', '/dead-letters'].map((path) => api('GET', path))), before)
  await app.startWorker()
  const { goOn } = await import('../../../src/cli/resume-tenant.js')
  await goOn(app.services, id)
  await until(async () => (await (await fetch(`${app.carrier?.url ?? ''}/sandbox/messages?to=${encodeURIComponent(members[1]!.phone)}`)).text()).includes('after the move'))
})

void t.test('only one that is in use can be archived, only one that is archived can be restored, and a lost file loses nothing', async (t) => {
  const app = await buildTestApp(t, { spares: 1 })
  const { tenantId: id } = await app.signUp()
  const services = archiveServices({ ...app.services, registryUrl: app.registry.url })
  await t.rejects(restoreArchived(services, id, undefined, asked), { code: 'TENANT_STATUS_CONFLICT', message: /is active, not archived/ })
  const file = await archiveTenant(services, id, asked)
  await t.rejects(archiveTenant(services, id, asked), { code: 'TENANT_STATUS_CONFLICT' })
  await t.rejects(restoreArchived(services, id, 'nowhere', asked), { code: 'TENANT_STATUS_CONFLICT', message: /nowhere/ })
  await app.services.archives.delete(file.key)
  await t.rejects(restoreArchived(services, id, undefined, asked), { code: 'ARCHIVE_UNREADABLE', message: /The storage has no/ })
  t.match(await app.services.operations.tenant(id), { status: 'archived' })
})
