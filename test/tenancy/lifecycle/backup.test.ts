// Backups: made while in use, kept as many as asked for, proved, and gone back to; in a folder and in a bucket.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { archiveServices } from '../../../src/cli/archive-tenant.js'
import { backupSaga } from '../../../src/tenancy/lifecycle/backup-tenant.js'
import { findFile } from '../../../src/tenancy/lifecycle/request-archive.js'
import { backUp, goBackTo, tenantsToBackUp, verifyBackup } from '../../../src/tenancy/lifecycle/request-backup.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { type Place, place, tenantIn, traces } from '../../helpers/operation-traces.js'
import { s3Account, startS3Server } from '../../helpers/s3-server.js'
import { until } from '../../helpers/until.js'

t.setTimeout(300_000)

const asked = { requestedBy: 'tests' }
const quietly = { keep: undefined, concurrency: 2, requestedBy: 'tests' }

/** Newest first. */
async function filesOf ({ opened }: Place, id: TenantId) {
  const rows = await opened.registry.db.selectFrom('tenant_backups').select('id').where('tenant_id', '=', id).orderBy('created_at', 'desc').execute()
  return await Promise.all(rows.map((row) => findFile(opened.registry.db, row.id)))
}

const addBranch = ({ opened }: Place, id: TenantId, name: string) => opened.tenancy.withTenant(id, (db) => db.insertInto('branches').values({ name }).execute())
const branches = ({ opened }: Place, id: TenantId) => opened.tenancy.withTenant(id, async (db) => (await db.selectFrom('branches').select('name').orderBy('name').execute()).map(({ name }) => name))
const served = (here: Place, id: TenantId) => until(async () => await branches(here, id).catch(() => undefined))

void t.test('a backup holds one moment while requests go on; as many are kept as asked for, and each can be proved', async (t) => {
  const here = await place(t)
  const g = await tenantIn(here)
  const writing = Array.from({ length: 20 }, (_, n) => addBranch(here, g.id, `Branch ${n}`))
  await g.opened.operations.perform(backupSaga, g.id, {}, asked)
  await Promise.all(writing)
  t.equal((await branches(here, g.id)).length, 20, 'no write was refused')
  for (let n = 0; n < 3; n++) await g.opened.operations.perform(backupSaga, g.id, { keep: 2 }, asked)
  const files = await filesOf(here, g.id)
  t.equal(files.length, 2)
  t.equal((await readdir(join(g.files, 'backups/_backups', g.id))).length, 2, 'files go with their rows')
  t.equal(await verifyBackup(g.opened.forFiles, files[0]!, asked), undefined)
  const path = join(g.files, 'backups', files[1]!.key)
  const content = await readFile(path)
  content[content.length - 40] = (content[content.length - 40] ?? 0) ^ 1
  await writeFile(path, content)
  t.match(await verifyBackup(g.opened.forFiles, files[1]!, asked), /damaged/)
  t.match(await g.opened.registry.db.selectFrom('tenant_backups').select(['verified_at', 'verify_error']).orderBy('created_at', 'desc').execute(), [{ verified_at: Date, verify_error: null }, { verify_error: /damaged/ }])
  t.match(await traces(g), { status: 'active', unfinished: 0, databases: [`tenant_${g.id}`], spooled: 0 })
})

void t.test('all are backed up, one that fails does not stop the rest, and a run that was cut off goes on with those it had not done', async (t) => {
  const here = await place(t)
  const [one, two, three] = [await tenantIn(here), await tenantIn(here), await tenantIn(here)]
  await here.opened.provisioner.suspend(three.id)
  await here.opened.tenancy.drain(two.id)
  await here.ground.admin.query(`ALTER DATABASE tenant_${two.id} WITH ALLOW_CONNECTIONS false`)
  const shown: number[] = []
  const all = await tenantsToBackUp(here.opened.registry.db, undefined)
  t.strictSame(new Set(all), new Set([one.id, two.id, three.id]))
  t.match(await backUp(here.opened.forFiles, all, quietly, ({ done }) => { shown.push(done) }), { made: 2, failed: [{ tenantId: two.id, error: /not currently accepting connections/ }] })
  t.strictSame(shown, [0, 1, 2, 3])
  await here.ground.admin.query(`ALTER DATABASE tenant_${two.id} WITH ALLOW_CONNECTIONS true`)
  t.strictSame(await tenantsToBackUp(here.opened.registry.db, 1), [two.id])
  t.match(await here.opened.operations.tenant(three.id), { status: 'suspended' })
})

void t.test('going back to a backup touches no other tenant, keeps what was as a backup, and numbers nothing twice', async (t) => {
  const here = await place(t)
  const [g, other] = [await tenantIn(here), await tenantIn(here)]
  await addBranch(here, g.id, 'Then')
  await g.opened.operations.perform(backupSaga, g.id, {}, asked)
  const wanted = await g.contents()
  await addBranch(here, g.id, 'Since')
  await g.opened.tenancy.withTenant(g.id, (db) => db.insertInto('events').values({ type: 'conversation.changed', data: '{}' }).execute())
  const numbered = (contents: Record<string, unknown>) => (contents['sequences'] as Array<{ name: string, lastValue: string }>).find(({ name }) => name === 'event_numbers')?.lastValue
  const later = numbered(await g.contents())
  const [file] = await filesOf(here, g.id)
  const others = await other.contents()
  const formerId = await goBackTo(here.opened.forFiles, file!, undefined, asked)
  t.strictSame(await served(here, g.id), ['Then'])
  const found = await g.contents()
  t.strictSame({ ...found, sequences: [] }, { ...wanted, sequences: [] })
  t.ok(later !== undefined && later !== numbered(wanted))
  t.equal(numbered(found), later, 'events go on where they were')
  t.strictSame(await other.contents(), others)
  t.match(await traces(g), { status: 'active', unfinished: 0, databases: [`tenant_${g.id}`], mayLogIn: true, recorded: 2, spooled: 0 })
  await goBackTo(here.opened.forFiles, await findFile(here.opened.registry.db, formerId ?? ''), undefined, asked)
  t.strictSame(await served(here, g.id), ['Since', 'Then'], 'and back again')
})

void t.test('in a bucket: backed up, proved and gone back to, and what waited then is held for a person instead of sent', async (t) => {
  const server = await startS3Server('backups')
  t.teardown(() => server.close())
  const app = await buildTestApp(t, { carrier: true, spares: 1, config: { S3_ENDPOINT: server.endpoint, S3_BUCKET: 'backups', S3_REGION: s3Account.region, S3_ACCESS_KEY_ID: s3Account.accessKeyId, S3_SECRET_ACCESS_KEY: s3Account.secretAccessKey } })
  const church = await app.signUp()
  const api = apiOf(app.app, church)
  await app.addNumber(church)
  const { body: member } = await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone: '+16155550142', optIn: { source: 'form' } })
  const { body: message } = await api<{ id: string }>('POST', '/messages', { text: 'Service at ten', to: { memberIds: [member.id] } })
  const services = archiveServices({ ...app.services, registryUrl: app.registry.url })
  const id = church.tenantId
  t.match(await backUp(services, [id], quietly, () => undefined), { made: 1, failed: [] })
  t.match([...server.objects.keys()], [new RegExp(`^/backups/_backups/${id}/`)])
  const worker = await app.startWorker()
  await until(async () => (await api<{ counts: { delivered: number } }>('GET', `/messages/${message.id}`)).body.counts.delivered === 1)
  await worker.stop()
  const row = await app.services.registry.selectFrom('tenant_backups').select('id').executeTakeFirstOrThrow()
  const file = await findFile(app.services.registry, row.id)
  t.equal(await verifyBackup(services, file, asked), undefined)
  await goBackTo(services, file, undefined, asked)
  await until(async () => (await api('GET', '/members')).status === 200)
  const { goOn } = await import('../../../src/cli/resume-tenant.js')
  await app.startWorker()
  await goOn(app.services, id)
  t.match((await api('GET', `/messages/${message.id}`)).body, { counts: { unknown: 1, queued: 0 } })
  t.match((await api('GET', '/dead-letters')).body, { items: [{ category: 'sms_send' }] })
  const counted = await (await fetch(`${app.carrier?.url ?? ''}/sandbox/counts`)).json() as { accepted: number }
  t.equal(counted.accepted, 1, 'it was texted once')
  t.notOk(server.objects.get([...server.objects.keys()][0] ?? '')?.content.includes('Okafor'))
})
