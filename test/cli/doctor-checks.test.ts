// The doctor's checks whose faults take days to come about: tables that nobody vacuums, servers that fill up or grow old; and an operation left behind.
import type pg from 'pg'
import t from 'tap'
import { checkBackups } from '../../src/cli/check-backups.js'
import { checkOperations } from '../../src/cli/check-operations.js'
import { checkRegistry } from '../../src/cli/check-registry.js'
import { checkServers } from '../../src/cli/check-servers.js'
import { checkSpares } from '../../src/cli/check-spares.js'
import { checkRegistryTables, usualLimits } from '../../src/cli/check-tables.js'
import { checkTenants } from '../../src/cli/check-tenants.js'
import { type Check } from '../../src/cli/check.js'
import { judgeServer, type ServerFacts } from '../../src/cli/server-facts.js'
import { loadConfig } from '../../src/config.js'
import { migrateRegistry } from '../../src/registry/migrate.js'
import { prepareServices } from '../../src/services.js'
import { rotateSaga } from '../../src/tenancy/lifecycle/rotate-credentials.js'
import { mapBounded } from '../../src/tenancy/map-bounded.js'
import { makeFolder, startFor } from '../helpers/embedded-postgres.js'
import { connect, databaseUrl, makeRegistry, MASTER_KEY, newAdmin, newChurch, silent } from '../helpers/provisioning-ground.js'

const config = loadConfig({ NODE_ENV: 'test', JWT_SECRET: 'x'.repeat(32), MASTER_KEY: MASTER_KEY.toString('base64'), OPERATOR_TOKEN: 'x'.repeat(24) })

const plantServer = async (sql: pg.Client, name: string) => await sql.query('INSERT INTO database_servers (name, host, port, admin_secret_ref) VALUES ($1, \'127.0.0.1\', 9, \'TENANT_SERVERS\')', [name])
/** A row alone, three days old, on the one server there is. */
const plantTenant = async (sql: pg.Client, id: string) => await sql.query(`WITH o AS (INSERT INTO organizations (kind, name, email, trial_ends_at) VALUES ('church', 'A', 'a@example.org', now()) RETURNING id)
  INSERT INTO tenants (id, organization_id, server_id, status, created_at) SELECT $1, o.id, s.id, 'active', now() - interval '3 days' FROM o, database_servers s`, [id])

const amiss = (checks: Check[]) => checks.filter(({ state }) => state !== 'ok').map(({ name, state }) => ({ name, state }))

void t.test('tables full of dead rows, and tables that were never vacuumed, are found in the registry and in tenants, and vacuumed by the repair', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices(config, ground.registryUrl, silent)
  t.teardown(() => services.close())
  const operator = { ...services, registryUrl: ground.registryUrl }
  const reservation = await services.provisioner.reserve(newChurch())
  await services.provisioner.activate(reservation, newAdmin())
  await ground.sql.query('DELETE FROM admin_email_index')
  const plant = 'CREATE TABLE heap (id int) WITH (autovacuum_enabled = false); INSERT INTO heap SELECT generate_series(1, 500); CREATE TABLE worn (id int) WITH (autovacuum_enabled = false); INSERT INTO worn SELECT generate_series(1, 500)'
  const inside = await connect(databaseUrl(ground.adminUrl, reservation.tenant.databaseName))
  for (const client of [ground.sql, inside]) {
    await client.query(plant)
    await client.query('VACUUM worn')
    await client.query('UPDATE worn SET id = id')
    await client.query('SELECT pg_stat_force_next_flush()')
  }
  await inside.query(`ALTER TABLE heap OWNER TO ${reservation.tenant.roleName}; ALTER TABLE worn OWNER TO ${reservation.tenant.roleName}`)
  await inside.end()
  const limits = { ...usualLimits, deadRows: 100, deadShare: 0.3, writes: 400 }
  for (const look of [() => checkRegistryTables(operator, limits), () => checkTenants(operator, { limits })]) {
    const found = await look()
    t.strictSame(amiss(found), [{ name: 'unvacuumed', state: 'warning' }, { name: 'bloat', state: 'warning' }])
    for (const { fix } of found) await fix?.run()
    t.strictSame(amiss(await look()), [])
  }
  t.strictSame(amiss([...await checkRegistryTables(operator), ...await checkTenants(operator)]), [], 'a small database is no case for the doctor')
})

void t.test('a table whose file has grown far beyond its rows is found, also after it was vacuumed; giving the space back is left to a person', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices(config, ground.registryUrl, silent)
  t.teardown(() => services.close())
  const operator = { ...services, registryUrl: ground.registryUrl }
  await ground.sql.query(`CREATE TABLE swollen (id int, note text) WITH (autovacuum_enabled = false); INSERT INTO swollen SELECT i, repeat('a', 200) FROM generate_series(1, 10000) i;
    CREATE TABLE full_up (id int, note text) WITH (autovacuum_enabled = false); INSERT INTO full_up SELECT i, repeat('a', 200) FROM generate_series(1, 10000) i`)
  await ground.sql.query('DELETE FROM swollen WHERE id % 10 <> 0')
  await ground.sql.query('SELECT pg_stat_force_next_flush()')
  await ground.sql.query('VACUUM (ANALYZE) swollen')
  await ground.sql.query('VACUUM (ANALYZE) full_up')
  await ground.sql.query('SELECT pg_stat_force_next_flush()')
  const look = () => checkRegistryTables(operator, { ...usualLimits, emptyBytes: 1_000_000 })
  const found = (await look()).filter(({ state }) => state !== 'ok')
  t.match(found, [{ name: 'bloat', state: 'warning', detail: /^public\.swollen of registry takes 2\.\d MB, of which its rows need about 0\.\d MB$/, next: /VACUUM \(FULL, ANALYZE\) public\.swollen/ }])
  t.equal(found[0]?.fix, undefined)
  await ground.sql.query('VACUUM (FULL, ANALYZE) swollen')
  t.strictSame(amiss(await look()), [])
})

void t.test('connections above the budget of all processes are found; those that the doctor itself holds are none of them', async (t) => {
  const server = await startFor(t, { dataDir: await makeFolder(t), maxConnections: 60 })
  const registryUrl = databaseUrl(server.adminUrl, 'registry')
  const setUp = await connect(server.adminUrl)
  await setUp.query('CREATE DATABASE registry')
  await setUp.end()
  await migrateRegistry(registryUrl, silent)
  const services = prepareServices({ ...config, TENANT_SERVERS: `east=${server.adminUrl}`, DATABASE_SERVER_CONNECTIONS: 20 }, registryUrl, silent)
  t.teardown(() => services.close())
  const operator = { ...services, registryUrl }
  const fleet: pg.Client[] = []
  const process = async () => { fleet.push(await connect(`${server.adminUrl}?application_name=koinonia:t1`)) }
  for (let open = 0; open < 20; open++) await process()
  const judged = async () => (await checkServers(operator)).find(({ name }) => name === 'server east connections')
  await services.registry.selectFrom('tenants').select('id').execute()
  t.match(await services.provisioner.work.servers.connect('east', judged), { state: 'ok', detail: /, 20 by Koinonia; its processes may have 20 together/ })
  await process()
  t.match(await judged(), { state: 'failed', detail: /, 21 by Koinonia/, next: /More than the budget/ })
  for (const client of fleet) await client.end()
  t.match(await judged(), { state: 'ok' })
})

void t.test('an operation that no worker takes up is found, gone on with by the repair, and then no finding any more', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices(config, ground.registryUrl, silent)
  t.teardown(() => services.close())
  const reservation = await services.provisioner.reserve(newChurch())
  await services.provisioner.activate(reservation, newAdmin())
  const { id } = reservation.tenant
  await services.operations.begin(rotateSaga, id, {}, { requestedBy: 'ana@host', runAfter: new Date() })
  await ground.sql.query('UPDATE tenant_operations SET run_after = now() - interval \'1 hour\', owner = \'gone:1\', lease_expires_at = now() - interval \'10 minutes\'')
  const found = await checkOperations(services)
  t.strictSame(amiss(found), [{ name: 'overdue operation', state: 'failed' }])
  for (const { fix } of found) await fix?.run()
  t.strictSame(amiss(await checkOperations(services)), [])
  t.equal((await services.operations.tenant(id)).credentialVersion, 2)
})

void t.test('a clock that is off, jobs whose worker died and a run over the fleet that was cut off are found', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices(config, ground.registryUrl, silent)
  t.teardown(() => services.close())
  t.strictSame(amiss(await checkRegistry(services, () => new Date())), [])
  await ground.sql.query('SELECT graphile_worker.add_job(\'held\')')
  await ground.sql.query('UPDATE graphile_worker._private_jobs SET locked_at = now() - interval \'40 minutes\', locked_by = \'gone\', attempts = 1')
  await ground.sql.query('INSERT INTO fleet_migrations (direction, target_version, canary, on_error, heard_at) VALUES (\'up\', 18, 0, \'continue\', now() - interval \'5 minutes\')')
  const found = await checkRegistry(services, () => new Date(Date.now() - 5_000))
  t.match(found.filter(({ state }) => state !== 'ok'), [
    { name: 'clock', state: 'failed', detail: /^[45]\d{3} ms behind the registry's$/, next: /NTP/ },
    { name: 'fleet migration', state: 'failed', detail: /cut off/, next: /--resume/ },
    { name: 'stuck jobs', state: 'failed', detail: /^1 locked/ }
  ])
})

void t.test('spares on a server that takes nobody are found, and dropped by the repair', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices({ ...config, SPARE_TENANTS: 1 }, ground.registryUrl, silent)
  t.teardown(() => services.close())
  await services.provisioner.refillSpares()
  await ground.sql.query('UPDATE database_servers SET state = \'draining\'')
  const found = await checkSpares({ ...services, registryUrl: ground.registryUrl })
  t.strictSame(amiss(found), [{ name: 'unwanted spares', state: 'warning' }])
  for (const { fix } of found) await fix?.run()
  t.strictSame(await checkSpares({ ...services, registryUrl: ground.registryUrl }), [])
  t.strictSame((await ground.sql.query('SELECT FROM tenants WHERE status = \'spare\'')).rows, [])
})

void t.test('organizations on a server that TENANT_SERVERS does not name are told of', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices(config, ground.registryUrl, silent)
  t.teardown(() => services.close())
  await plantServer(ground.sql, 'forgotten')
  await plantTenant(ground.sql, 't1aaaaaaa')
  t.match((await checkServers({ ...services, registryUrl: ground.registryUrl })).filter(({ name }) => name === 'server forgotten'), [{ state: 'failed', detail: /^One organization lives there/ }])
})

void t.test('missing, old and unreadable backups are found where backups are made', async (t) => {
  const ground = await makeRegistry(t)
  const services = prepareServices(config, ground.registryUrl, silent)
  t.teardown(() => services.close())
  const { sql } = ground
  await plantServer(sql, 'east')
  const backup = async (id: string, hours: number, error: string | null) => await sql.query(`INSERT INTO tenant_backups (id, tenant_id, kind, storage_key, size_bytes, sha256, schema_version, tables, created_at, verify_error)
    VALUES (uuidv7(), $1, 'backup', $1::text || $2::integer, 1, sha256(''), 1, '{}', now() - make_interval(hours => $2::integer), $3)`, [id, hours, error])
  for (const id of ['t1missing', 't2oldaaa', 't3broken', 't4wellaa']) await plantTenant(sql, id)
  t.match(await checkBackups(services), [{ state: 'ok' }], 'who makes none is not told of them')
  await backup('t2oldaaa', 40, null)
  await backup('t3broken', 1, 'It is cut off.')
  await backup('t4wellaa', 40, null)
  await backup('t4wellaa', 1, null)
  t.match(await checkBackups(services), [{ state: 'failed', detail: /of 4 .*1 without one, 1 whose latest is over 30 hours old, 1 whose latest can't/ }])
  await sql.query('DELETE FROM tenants WHERE id IN (\'t1missing\', \'t2oldaaa\', \'t3broken\')')
  await plantTenant(sql, 't5newaaa')
  await sql.query('UPDATE tenants SET created_at = now() WHERE id = \'t5newaaa\'')
  t.match(await checkBackups(services), [{ state: 'ok', detail: '1 of 2 organizations have a recent one, the others are new' }])
})

void t.test('a server that is crowded, old, too small or of the wrong version is told of', (t) => {
  const well: ServerFacts = { connectMs: 1, number: 180_001, version: '18.1', used: 10, ours: 8, usable: 97, administrator: true, oldest: 'a', age: 1_000, freezeAge: 200_000_000 }
  const judged = (facts: Partial<ServerFacts>) => amiss(judgeServer('east', { ...well, ...facts }, { DATABASE_MAX_CONNECTIONS: 30 }))
  t.strictSame(judged({}), [])
  t.strictSame(judged({ used: 90 }), [{ name: 'server east connections', state: 'warning' }])
  t.strictSame(judged({ usable: 20, used: 1 }), [{ name: 'server east connections', state: 'failed' }])
  t.strictSame(amiss(judgeServer('east', { ...well, used: 50, ours: 45 }, { DATABASE_MAX_CONNECTIONS: 30, DATABASE_SERVER_CONNECTIONS: 40 })), [{ name: 'server east connections', state: 'failed' }])
  t.strictSame(judged({ age: 500_000_000 }), [{ name: 'server east transaction age', state: 'warning' }])
  t.strictSame(judged({ age: 1_500_000_000 }), [{ name: 'server east transaction age', state: 'failed' }])
  t.strictSame(judged({ number: 170_004, version: '17.4' }), [{ name: 'server east version', state: 'failed' }])
  t.strictSame(judged({ administrator: false }), [{ name: 'server east privileges', state: 'failed' }])
  t.end()
})

void t.test('many are done a few at a time, answers are in order, and after a failure nothing new begins', async (t) => {
  let [now, most] = [0, 0]
  const slowly = async (item: number) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setTimeout(resolve, item % 3))
    now--
    return item * 2
  }
  t.strictSame(await mapBounded([...Array(20).keys()], 4, slowly), [...Array(20).keys()].map((item) => item * 2))
  t.equal(most, 4)
  const begun: number[] = []
  await t.rejects(mapBounded([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item)
    await slowly(item)
    if (item === 2) throw new Error('two')
  }), /two/)
  t.ok(begun.length < 6)
})
