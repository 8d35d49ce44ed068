// Runs over a fleet of real databases: order, canaries, poisoned tenants, two runners, locks, the way down, and what nothing costs.
import pg from 'pg'
import t from 'tap'
import { enterStatus } from '../../../src/tenancy/lifecycle/enter-status.js'
import { currentSchemaVersion } from '../../../src/tenancy/schema-version.js'
import { type FleetProgress } from '../../../src/tenancy/provisioner.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { after, before, hasty, makeFleet } from '../../helpers/make-fleet.js'
import { connect, databaseUrl, openProvisioner } from '../../helpers/provisioning-ground.js'
import { until } from '../../helpers/until.js'

t.setTimeout(240_000)

void t.test('three poisoned of forty: the others are done, the three are reported, and after repair the next run does them alone', async (t) => {
  const fleet = await makeFleet(t, 40)
  const sick = [fleet.ids[3]!, fleet.ids[17]!, fleet.ids[39]!]
  for (const id of sick) await fleet.poison(id)
  const result = await fleet.provisioner.migrateTenants({ to: after })
  t.match(result, { outcome: 'failed', migrated: 37, left: 3, unreachable: [] })
  t.strictSame(result.failed.map(({ tenantId }) => tenantId), [...sick].sort())
  for (const { error } of result.failed) t.match(error, /^0017_send_buckets: relation "send_buckets" already exists/)
  t.strictSame(await fleet.versions(), ['3 at 16', `37 at ${after}`])
  t.match(await fleet.statusOf(sick[0]!), { version: 16, status: 'failed', owner: null, error: /already exists/ })
  t.match(await fleet.run(), { outcome: 'failed', migrated: 37, failed: 3 })
  const { rows: [timed] } = await fleet.sql.query<object>('SELECT count(*)::int AS timed FROM tenants WHERE migration_ms > 0')
  t.strictSame(timed, { timed: 40 }, 'every tenant has its duration')

  for (const id of sick) await fleet.cure(id)
  t.match(await fleet.provisioner.migrateTenants({ resume: true }), { outcome: 'done', migrated: 3, target: after, failed: [], left: 0 })
  t.strictSame(await fleet.versions(), [`40 at ${after}`])
  t.match(await fleet.provisioner.migrateTenants({ resume: true, to: after }), { outcome: 'nothing to do' })
})

void t.test('what a run leaves is what node-pg-migrate makes; nothing to do is one query of the registry', async (t) => {
  const fleet = await makeFleet(t, 2)
  await fleet.provisioner.migrateTenants()
  const version = currentSchemaVersion()
  t.strictSame(await fleet.versions(), [`2 at ${version}`])
  t.equal((await fleet.filesOf(fleet.ids[0]!)).length, version)
  const owners = await fleet.inside<{ owner: string }>(fleet.ids[0]!, 'SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = \'public\'::regnamespace')
  t.strictSame(owners, [{ owner: `tenant_${fleet.ids[0]!}` }])
  const queries: unknown[] = []
  const original = Object.getOwnPropertyDescriptor(pg.Client.prototype, 'query')!
  t.teardown(() => { Object.defineProperty(pg.Client.prototype, 'query', original) })
  Object.defineProperty(pg.Client.prototype, 'query', {
    ...original,
    value (this: pg.Client, ...args: unknown[]) {
      queries.push(args[0])
      return Reflect.apply(original.value as (...given: unknown[]) => unknown, this, args)
    }
  })
  t.match(await fleet.provisioner.migrateTenants(), { outcome: 'nothing to do', migrated: 0, left: 0 })
  t.equal(queries.length, 1, 'one query, to the registry or to any database')
})

void t.test('a canary that fails stops the run before anybody else is touched', async (t) => {
  const fleet = await makeFleet(t, 6)
  // The youngest are the canaries.
  await fleet.poison(fleet.ids[5]!)
  const phases: string[] = []
  const result = await fleet.provisioner.migrateTenants({ to: after, canary: 2 }, ({ phase }: FleetProgress) => { phases.push(phase) })
  t.match(result, { outcome: 'stopped', failed: [{ tenantId: fleet.ids[5]! }] })
  t.notOk(phases.includes('rest'))
  for (const id of fleet.ids.slice(0, 4)) t.match(await fleet.statusOf(id), { version: before, owner: null })
  t.match(await fleet.run(), { outcome: 'stopped', failed: 1, canaries: [fleet.ids[4]!, fleet.ids[5]!].sort() }, 'canaries are in the registry')
  await fleet.cure(fleet.ids[5]!)
  t.match(await fleet.provisioner.migrateTenants({ resume: true }), { outcome: 'done', left: 0 })
})

void t.test('--on-error stop begins nothing new after a failure', async (t) => {
  const fleet = await makeFleet(t, 8)
  await fleet.poison(fleet.ids[0]!)
  const result = await fleet.provisioner.migrateTenants({ to: after, onError: 'stop', concurrency: 1 })
  t.match(result, { outcome: 'stopped', failed: [{ tenantId: fleet.ids[0]! }], migrated: 0, left: 8 })
  t.match(await fleet.statusOf(fleet.ids[1]!), { owner: null, status: 'pending' }, 'what was claimed is given back')
})

void t.test('two runners share the work: each tenant once, and both tell the whole', async (t) => {
  const fleet = await makeFleet(t, 12)
  const other = await openProvisioner(t, fleet.registryUrl, {}, { fleetTiming: hasty })
  const results = await Promise.all([fleet.provisioner, other.provisioner].map((runner) => runner.migrateTenants({ to: after, concurrency: 1 })))
  t.equal(results[0]!.run, results[1]!.run)
  t.equal(results[0]!.migrated + results[1]!.migrated, 12)
  t.ok(results.every(({ migrated }) => migrated > 0), `both worked: ${results.map(({ migrated }) => migrated).join(' and ')}`)
  t.strictSame(await fleet.versions(), [`12 at ${after}`])
  for (const id of fleet.ids) t.equal((await fleet.filesOf(id)).length, after)
})

void t.test('a second run on other terms is refused while the first is at work', async (t) => {
  const fleet = await makeFleet(t, 3)
  const other = await openProvisioner(t, fleet.registryUrl)
  const slow = await openProvisioner(t, fleet.registryUrl, {}, {
    onStep: async (step) => { if (step === 'fleet-claimed') await t.rejects(other.provisioner.migrateTenants({ to: 16 }), { name: 'FleetRefused', message: /Another run is under way, up to version 17/ }) }
  })
  t.match(await slow.provisioner.migrateTenants({ to: after, concurrency: 1 }), { outcome: 'done', migrated: 3 })
})

void t.test('a lock that is not had is waited for in short turns, and reported when it never comes', async (t) => {
  const fleet = await makeFleet(t, 2)
  const [held, free] = [fleet.ids[0]!, fleet.ids[1]!]
  const reader = await connect(databaseUrl(fleet.adminUrl, `tenant_${held}`))
  // File 0016 takes no lock on members; the migration's own lock is what stands in the way here.
  await reader.query('SELECT pg_advisory_lock(4801520080)')
  const given = fleet.provisioner.migrateTenants({ to: after })
  await until(async () => (await fleet.versions()).includes(`1 at ${after}`))
  await reader.query('SELECT pg_advisory_unlock_all()')
  t.match(await given, { outcome: 'done', migrated: 2 }, 'retried until it was free')

  await fleet.provisioner.migrateTenants({ to: before, down: true })
  await reader.query('SELECT pg_advisory_lock(4801520080)')
  t.match(await fleet.provisioner.migrateTenants({ to: after }), { outcome: 'failed', migrated: 1, failed: [{ tenantId: held, error: /lock timeout/ }] })
  t.match(await fleet.statusOf(free), { version: after, status: 'done' })
  await reader.end()
})

void t.test('a table that a long query holds is tried for in short turns, so no request stands behind the migration for long', async (t) => {
  const fleet = await makeFleet(t, 1)
  await fleet.provisioner.migrateTenants({ to: after })
  const reader = await connect(databaseUrl(fleet.adminUrl, `tenant_${fleet.ids[0]!}`))
  await reader.query('BEGIN; SELECT FROM send_buckets')
  const patient = await openProvisioner(t, fleet.registryUrl, {}, { fleetTiming: { ...hasty, lockTries: 8 } })
  // The way down drops the table, for which the reader's lock must go.
  const down = patient.provisioner.migrateTenants({ to: 16, down: true })
  const waits = await until(async () => {
    const [row] = await fleet.inside<{ waiting: number }>(fleet.ids[0]!, 'SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND relation = \'send_buckets\'::regclass')
    return row!.waiting > 0 && row
  })
  t.strictSame(waits, { waiting: 1 })
  await reader.query('COMMIT')
  t.match(await down, { outcome: 'done', migrated: 1 })
  await reader.end()
})

void t.test('the way down is asked for by name, goes file by file, spares included, and comes up again', async (t) => {
  const fleet = await makeFleet(t, 3, currentSchemaVersion())
  const version = currentSchemaVersion()
  await t.rejects(fleet.provisioner.migrateTenants({ to: before }), { name: 'FleetRefused', message: /3 tenants are beyond version 15.*--down/ })
  t.match(await fleet.provisioner.planMigration({ to: before, down: true }), { direction: 'down', target: before, servers: [{ server: 'primary', tenants: 3 }] })
  await fleet.sql.query('UPDATE tenants SET status = \'spare\', organization_id = NULL WHERE id = $1', [fleet.ids[2]!])
  t.match(await fleet.provisioner.migrateTenants({ to: before, down: true }), { outcome: 'done', migrated: 3 })
  for (const id of fleet.ids) {
    t.equal((await fleet.filesOf(id)).length, before)
    t.strictSame(await fleet.inside(id, 'SELECT to_regclass(\'send_buckets\') AS buckets, to_regclass(\'events\') AS events'), [{ buckets: null, events: null }])
  }
  const phases = new Set<string>()
  t.match(await fleet.provisioner.migrateTenants({}, ({ phase }) => phases.add(phase)), { outcome: 'done', migrated: 3 })
  t.strictSame([...phases], ['spares', 'rest'], 'the spare comes first')
  const { rows } = await fleet.sql.query<object>('SELECT DISTINCT schema_version AS version FROM tenants')
  t.strictSame(rows, [{ version }])
})

void t.test('only those named are migrated, and a server that does not answer keeps its tenants for later', async (t) => {
  const fleet = await makeFleet(t, 3)
  t.match(await fleet.provisioner.migrateTenants({ to: after, only: [fleet.ids[1]!] }), { outcome: 'done', migrated: 1 })
  t.match(await fleet.statusOf(fleet.ids[0]!), { version: before })
  await fleet.sql.query(`WITH dead AS (INSERT INTO database_servers (name, host, port, admin_secret_ref) VALUES ('dead', '127.0.0.1', 9, 'TENANT_SERVERS') RETURNING id)
    UPDATE tenants SET server_id = dead.id FROM dead WHERE tenants.id = $1`, [fleet.ids[0]!])
  const { provisioner } = await openProvisioner(t, fleet.registryUrl, { TENANT_SERVERS: `primary=${fleet.adminUrl},dead=postgres://postgres:x@127.0.0.1:9/postgres` }, { fleetTiming: hasty })
  const result = await provisioner.migrateTenants({ to: after })
  t.match(result, { outcome: 'failed', migrated: 1, failed: [], unreachable: [{ server: 'dead', tenants: 1, error: /ECONNREFUSED|does not answer/ }], left: 1 })
  t.match(await fleet.statusOf(fleet.ids[0]!), { version: before, status: 'pending', owner: null }, 'it has not failed: it waits')
})

void t.test('no operation takes hold of a tenant while a runner has it in hand, and no runner of one that an operation holds', async (t) => {
  const fleet = await makeFleet(t, 2)
  await fleet.sql.query('UPDATE tenants SET status = \'moving\' WHERE id = $1', [fleet.ids[1]!])
  const archive = () => fleet.registry.db.transaction().execute((trx) => enterStatus(trx, fleet.ids[0]!, ['active'], 'suspended'))
  const { provisioner } = await openProvisioner(t, fleet.registryUrl, {}, {
    onStep: async (step) => { if (step === 'fleet-claimed') await t.rejects(archive(), { code: 'TENANT_OPERATION_UNFINISHED', message: /being migrated/ }) }
  })
  t.match(await provisioner.migrateTenants({ to: after }), { outcome: 'done', migrated: 1 })
  t.match(await fleet.statusOf(fleet.ids[1]!), { version: before })
  t.equal(await archive(), 'active', 'afterwards it may')
})

void t.test('an order that makes no sense is refused before anything is touched', async (t) => {
  const fleet = await makeFleet(t, 1)
  await t.rejects(fleet.provisioner.migrateTenants({ to: currentSchemaVersion() + 1 }), { name: 'FleetRefused', message: /knows \d+ versions/ })
  await t.rejects(fleet.provisioner.migrateTenants({ down: true }), { name: 'FleetRefused', message: /--to/ })
  const stranger = 'nobodyatall1' as TenantId
  await t.rejects(fleet.provisioner.migrateTenants({ only: [fleet.ids[0]!, stranger] }), { name: 'FleetRefused', message: /No active or suspended tenant has the id nobodyatall1\./ })
})
