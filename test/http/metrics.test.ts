// Each figure of /metrics against what really happened.
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { buildTestApp } from '../helpers/build.js'
import { scrape } from '../helpers/scrape.js'
import { testServer } from '../helpers/test-server.js'
import { until } from '../helpers/until.js'

const limit = 3
const test = await buildTestApp(t, { spares: 5, listen: true, config: { DATABASE_MAX_CONNECTIONS: 7, DATABASE_REGISTRY_CONNECTIONS: 4, DATABASE_WAIT_MS: 1_500, CACHED_TENANTS: 3 } })
const { services } = test
const { tenancy, registry } = services
const onPrimary = { server: 'primary' }
const organizations = [await test.signUp(), await test.signUp(), await test.signUp('studio'), await test.signUp('studio')] as const
const [first, second] = [organizations[0].tenantId, organizations[1].tenantId]
const admin = new pg.Client((await testServer()).adminUrl)
await admin.connect()
t.teardown(async () => { await admin.end() })

await t.test('names keep Prometheus\'s conventions: a counter, and nothing else, ends in _total; seconds are seconds', async (t) => {
  const { types, body } = await scrape(test)
  const own = [...types].filter(([name]) => name.startsWith('koinonia_'))
  t.ok(own.length >= 25, `${own.length} of them`)
  for (const [name, type] of own) {
    t.equal(name.endsWith('_total'), type === 'counter', name)
    t.notMatch(name, /_(ms|milliseconds|bytes_count|count|sum|bucket)$/)
    t.match(body, new RegExp(`^# HELP ${name} [A-Z0-9][^\\n]+[.0-9a-z]$`, 'm'))
  }
})

await t.test('connections by state are those that PostgreSQL has, and leases those that are held', async (t) => {
  const leases = await Promise.all([tenancy.lease(first), tenancy.lease(first)])
  const shown = await scrape(test)
  t.equal(shown.value('koinonia_database_connections_max', onPrimary), limit)
  t.equal(shown.value('koinonia_database_connections', { ...onPrimary, state: 'busy' }), 2)
  t.equal(shown.value('koinonia_tenant_leases'), 2)
  const all = ['opening', 'busy', 'idle', 'closing'].map((state) => shown.value('koinonia_database_connections', { ...onPrimary, state }) ?? NaN)
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = ANY($1)',
    [organizations.map(({ tenantId }) => `koinonia:${tenantId}`)])
  t.equal(all.reduce((sum, count) => sum + count), rows[0]!.count)
  for (const lease of leases) lease.release()
})

await t.test('who stands in line is counted while they stand there, and how long they stood when they are served or give up', async (t) => {
  const before = await scrape(test)
  const held = await Promise.all([tenancy.lease(first), tenancy.lease(first), tenancy.lease(first)])
  const served = tenancy.lease(second)
  await until(async () => (await scrape(test)).value('koinonia_database_waiting_requests', onPrimary) === 1)
  held[0].release()
  const other = await served
  await t.rejects(tenancy.lease(second), { code: 'DATABASE_BUSY' })
  const after = await scrape(test)
  const grown = (name: string) => (after.value(name, onPrimary) ?? NaN) - (before.value(name, onPrimary) ?? 0)
  t.equal(after.value('koinonia_database_waiting_requests', onPrimary), 0)
  t.equal(grown('koinonia_database_waits_exceeded_total'), 1)
  t.ok(grown('koinonia_database_wait_seconds_count') >= 2)
  t.ok(grown('koinonia_database_wait_seconds_sum') >= 1.5, `${grown('koinonia_database_wait_seconds_sum')} s`)
  t.ok(grown('koinonia_database_connections_opened_total') >= 1)
  t.equal(grown('koinonia_database_connection_failures_total'), 0)
  for (const lease of [...held, other]) lease.release()
})

await t.test('an idle connection closed for another tenant is a steal, a pool forgotten for another an eviction', async (t) => {
  const before = await scrape(test)
  const held = await Promise.all([tenancy.lease(first), tenancy.lease(first), tenancy.lease(first)])
  for (const lease of held) lease.release()
  for (const { tenantId } of organizations) (await tenancy.lease(tenantId)).release()
  const after = await scrape(test)
  t.ok((after.value('koinonia_database_connections_stolen_total', onPrimary) ?? 0) >= (before.value('koinonia_database_connections_stolen_total', onPrimary) ?? 0) + 3)
  t.equal(after.value('koinonia_tenant_pools', onPrimary), 3, 'CACHED_TENANTS')
  t.ok((after.value('koinonia_tenant_pools_evicted_total', onPrimary) ?? 0) > (before.value('koinonia_tenant_pools_evicted_total', onPrimary) ?? NaN))
  t.ok((after.value('koinonia_tenant_look_ups_total') ?? 0) >= organizations.length)
})

await t.test('a server that does not answer has an open breaker, and no other', async (t) => {
  const nowhere = tenancy.serverFor({ name: 'nowhere', host: '127.0.0.1', port: 9 })
  for (let attempt = 0; attempt < 3; attempt++) await nowhere.withConnection({ applicationName: 'none', database: 'none', user: 'none', password: () => '' }, async () => undefined).catch(() => undefined)
  const shown = await scrape(test)
  const states = (server: string) => ['closed', 'open', 'half-open'].map((state) => shown.value('koinonia_database_breaker_state', { server, state }))
  t.strictSame([states('primary'), states('nowhere')], [[1, 0, 0], [0, 1, 0]])
  t.equal(shown.value('koinonia_database_connection_failures_total', { server: 'nowhere' }), 3)
  t.equal(shown.value('koinonia_database_breaker_trips_total', { server: 'nowhere' }), 1)
  t.equal(shown.value('koinonia_database_breaker_trips_total', onPrimary), 0)
})

await t.test('listeners to events are counted while they listen', async (t) => {
  const streams = async () => (await scrape(test)).value('koinonia_event_streams')
  t.equal(await streams(), 0)
  const hangUp = new AbortController()
  const listening = await fetch(`${test.baseUrl}/api/events`, { headers: organizations[0].headers, signal: hangUp.signal })
  t.equal(listening.status, 200)
  t.equal(await streams(), 1)
  hangUp.abort()
  await until(async () => await streams() === 0)
})

await t.test('tenants, spares and migrations are those of the registry', async (t) => {
  const shown = await scrape(test)
  t.equal(shown.value('koinonia_tenants', { ...onPrimary, status: 'active' }), 4)
  t.equal(shown.value('koinonia_spare_tenants', onPrimary), 1)
  t.equal(shown.value('koinonia_tenant_migrations', { ...onPrimary, state: 'behind' }), 0)
  await registry.updateTable('tenants').set({ schema_version: 1, migration_status: 'failed', migration_error: 'none' }).where('status', '=', 'spare').execute()
  const late = await scrape(test)
  t.equal(late.value('koinonia_tenant_migrations', { ...onPrimary, state: 'behind' }), 1)
  t.equal(late.value('koinonia_tenant_migrations', { ...onPrimary, state: 'failed' }), 1)
  await registry.deleteFrom('tenants').where('status', '=', 'spare').execute()
  t.equal((await scrape(test)).value('koinonia_spare_tenants', onPrimary), 0, 'none is a figure too')
})

await t.test('a migration made for a request is counted', async (t) => {
  await registry.updateTable('tenants').set({ schema_version: currentSchemaVersion() - 1 }).where('id', '=', second).execute()
  await until(async () => {
    (await tenancy.lease(second)).release()
    return (await scrape(test)).value('koinonia_tenant_catch_ups_total', { outcome: 'migrated' }) === 1
  })
  t.equal((await scrape(test)).value('koinonia_tenant_catch_ups_total', { outcome: 'failed' }), undefined)
})

await t.test('jobs, webhook events and operations are counted by what they wait for', async (t) => {
  await sql`DELETE FROM graphile_worker._private_jobs`.execute(registry)
  await sql`SELECT graphile_worker.add_job('nobody'), graphile_worker.add_job('nobody', run_at := now() + interval '1 hour'), graphile_worker.add_job('dead'),
    graphile_worker.add_job('later', run_at := now() + interval '1 minute')`.execute(registry)
  await sql`UPDATE graphile_worker._private_jobs j SET attempts = CASE k.identifier WHEN 'dead' THEN max_attempts ELSE 1 END
    FROM graphile_worker._private_tasks k WHERE k.id = j.task_id AND k.identifier <> 'nobody'`.execute(registry)
  await sql`INSERT INTO webhook_events (provider, event_id, status, created_at) VALUES ('telnyx', 'a', 'received', now() - interval '90 seconds'), ('telnyx', 'b', 'received', now()),
    ('telnyx', 'c', 'failed', now()), ('telnyx', 'd', 'processed', now())`.execute(registry)
  await sql`INSERT INTO tenant_operations (tenant_id, kind, requested_by, status, error, owner, lease_expires_at, finished_at) VALUES
    ('a', 'delete', 'test', 'running', null, 'somebody', now() + interval '1 minute', null), ('b', 'delete', 'test', 'running', null, null, null, null),
    ('c', 'delete', 'test', 'failed', 'none', null, null, null), ('d', 'delete', 'test', 'done', null, null, null, now())`.execute(registry)
  const shown = await scrape(test)
  const counts = (name: string, states: string[]) => Object.fromEntries(states.map((state) => [state, shown.value(name, { state })]))
  t.strictSame(counts('koinonia_queued_jobs', ['ready', 'scheduled', 'retrying', 'running', 'dead']), { ready: 1, scheduled: 1, retrying: 1, running: 0, dead: 1 })
  t.strictSame(counts('koinonia_webhook_events', ['waiting', 'failed']), { waiting: 2, failed: 1 })
  const oldest = shown.value('koinonia_webhook_oldest_waiting_seconds') ?? 0
  t.ok(oldest >= 90 && oldest < 150, `${oldest} s`)
  t.strictSame(counts('koinonia_tenant_operations', ['running', 'waiting', 'failed']), { running: 1, waiting: 1, failed: 1 })
})
