// Backups that come round by themselves: who is due, how many at a time, what becomes of one that fails, and what is told of it.
import t from 'tap'
import { checkBackups } from '../../../src/cli/check-backups.js'
import { backUpJob, runOperationsJob } from '../../../src/features/lifecycle/jobs.js'
import { beginDueBackups, mostBegun } from '../../../src/tenancy/lifecycle/due-backups.js'
import { buildTestApp } from '../../helpers/build.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { makeRegistry } from '../../helpers/provisioning-ground.js'
import { scrape } from '../../helpers/scrape.js'

t.setTimeout(120_000)

const hour = 3_600_000
const terms = (now = new Date()) => ({ everyHours: 24, keep: 2, now })

void t.test('an organization is due when its latest backup is old or missing; the oldest are kept no longer than asked', async (t) => {
  const ground = await makeRegistry(t)
  const opened = await openOperations(t, ground.registryUrl, t.testdir())
  const id = await makeTenant(opened)
  const run = async (now = new Date()) => {
    const begun = await beginDueBackups(opened.forFiles, terms(now))
    await ground.sql.query('UPDATE tenant_operations SET run_after = now() WHERE run_after > now()')
    await opened.operations.runDue(new AbortController().signal)
    return begun
  }
  const backups = async () => (await ground.sql.query<{ n: number }>('SELECT count(*)::int AS n FROM tenant_backups WHERE tenant_id = $1', [id])).rows[0]?.n
  t.strictSame([await run(), await backups()], [1, 1])
  t.strictSame([await run(new Date(Date.now() + 23 * hour)), await backups()], [0, 1])
  for (const days of [1, 2]) {
    await ground.sql.query('UPDATE tenant_backups SET created_at = created_at - interval \'25 hours\'')
    t.strictSame([await run(), await backups()], [1, 2], `after ${days} days`)
  }
  await ground.sql.query('UPDATE tenants SET status = \'archived\'')
  t.equal(await run(new Date(Date.now() + 99 * hour)), 0, 'what is archived has its archive')
})

void t.test('one that fails is left alone for an hour, one that something else is done with stays due, and only so many are begun at a time', async (t) => {
  const ground = await makeRegistry(t)
  const opened = await openOperations(t, ground.registryUrl, t.testdir())
  const [broken, busy] = [await makeTenant(opened), await makeTenant(opened)]
  await ground.sql.query('INSERT INTO tenant_operations (tenant_id, kind, status, requested_by, error) VALUES ($1, \'move\', \'failed\', \'tests\', \'away\')', [busy])
  await opened.tenancy.drain(broken)
  await ground.admin.query(`ALTER DATABASE tenant_${broken} WITH ALLOW_CONNECTIONS false`)
  t.equal(await beginDueBackups(opened.forFiles, terms()), 1)
  await opened.operations.runDue(new AbortController().signal)
  t.match(await opened.operations.list({ tenantId: broken, unfinishedOnly: false, limit: 9 }), [{ status: 'undone', requested_by: 'BACKUP_EVERY_HOURS', error: /not currently accepting/ }])
  t.equal(await beginDueBackups(opened.forFiles, terms()), 0)
  t.equal(await beginDueBackups(opened.forFiles, terms(new Date(Date.now() + 61 * 60_000))), 1)
  await ground.sql.query('UPDATE tenant_operations SET run_after = now()')
  await ground.sql.query(`WITH organization AS (INSERT INTO organizations (kind, name, email, trial_ends_at) SELECT 'church', 'Church ' || i, 'a@example.org', now() FROM generate_series(1, 50) i RETURNING id)
    INSERT INTO tenants (id, organization_id, server_id, status, schema_version) SELECT 'tmany' || lpad((row_number() OVER ())::text, 7, '0'), organization.id, server_id, 'suspended', schema_version FROM tenants, organization WHERE tenants.id = $1`, [busy])
  t.equal(await beginDueBackups(opened.forFiles, terms()), mostBegun - 1, 'one is waiting already')
  t.equal(await beginDueBackups(opened.forFiles, terms()), 0)
})

void t.test('by setting a worker makes them, and the doctor and the metrics tell of who has none', async (t) => {
  const app = await buildTestApp(t, { spares: 1, config: { BACKUP_EVERY_HOURS: 12, BACKUP_KEEP: 3 } })
  const { tenantId } = await app.signUp()
  const { services } = app
  const context = { attempt: 1, maxAttempts: 1, signal: new AbortController().signal }
  await app.registry.query('UPDATE tenants SET created_at = now() - interval \'19 hours\'')
  t.match(await checkBackups(services), [{ state: 'failed', detail: /of 1 organizations 1 without one/, next: /Is a worker running/ }])
  await backUpJob.run({}, { ...services, config: { ...services.config, BACKUP_EVERY_HOURS: 0 } }, context)
  t.strictSame(await app.registry.query('SELECT FROM tenant_backups'), [], 'off unless it is set')
  await beginDueBackups(services, { ...terms(), everyHours: 12 })
  await runOperationsJob.run({}, services, context)
  t.strictSame(await app.registry.query('SELECT FROM tenant_backups'), [], 'the places of other operations are not for these')
  await backUpJob.run({}, services, context)
  await backUpJob.run({}, services, context)
  t.match(await app.registry.query('SELECT tenant_id, kind FROM tenant_backups'), [{ tenant_id: tenantId, kind: 'backup' }])
  t.match(await checkBackups(services), [{ state: 'ok' }])
  await app.registry.query('UPDATE tenant_backups SET created_at = now() - interval \'19 hours\'')
  t.match(await checkBackups(services), [{ state: 'failed', detail: /over 18 hours old/ }])
  const age = (await scrape(app)).value('koinonia_oldest_backup_seconds') ?? 0
  t.ok(age > 18.9 * 3_600 && age < 19.1 * 3_600, String(age))
})
