// What a request meets whose organization's database is behind the code, or ahead of it.
import t from 'tap'
import { currentSchemaVersion } from '../../../src/tenancy/schema-version.js'
import { type BuildOptions, buildTestApp, type TestProcess } from '../../helpers/build.js'
import { captureLog } from '../../helpers/capture-log.js'
import { before } from '../../helpers/make-fleet.js'
import { connect, databaseUrl } from '../../helpers/provisioning-ground.js'
import { until } from '../../helpers/until.js'

t.setTimeout(120_000)

/** An organization whose database has gone back to an earlier version. */
async function organizationBehind (t: Parameters<typeof buildTestApp>[0], options: BuildOptions = {}) {
  const app = await buildTestApp(t, { spares: 1, ...options })
  const church = await app.signUp()
  await app.services.provisioner.migrateTenants({ to: before, down: true })
  const read = (from: TestProcess = app) => from.app.inject({ method: 'GET', url: '/api/members', headers: church.headers })
  const row = async () => (await app.registry.query<Record<string, unknown>>('SELECT schema_version AS version, migration_status AS status, migration_error AS error FROM tenants WHERE id = $1', [church.tenantId]))[0]!
  const inside = async () => await connect(databaseUrl(app.registry.url, `tenant_${church.tenantId}`))
  return { app, church, read, row, inside }
}

void t.test('two hundred first requests of a tenant that is behind wait for one migration, in two processes too', async (t) => {
  const { log, lines } = captureLog()
  const { app, read, row, inside } = await organizationBehind(t, { log, config: { RATE_LIMIT_PER_MINUTE: 10_000 } })
  const other = await app.anotherProcess()
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => read(index % 2 === 0 ? app : other)))
  t.strictSame(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))
  t.match(await row(), { version: currentSchemaVersion(), status: 'done', error: null })
  const migrated = lines().filter(({ msg }) => msg === 'a tenant was migrated for a request')
  t.ok(migrated.length <= 2, `one flight in each process: ${migrated.length}`)
  t.equal(migrated.flatMap(({ applied }) => applied as string[]).length, currentSchemaVersion() - before, 'each file was applied once')
  const client = await inside()
  const { rows } = await client.query('SELECT name FROM pgmigrations')
  t.equal(rows.length, currentSchemaVersion())
  await client.end()
})

void t.test('by setting it is answered 503 instead, until the fleet is migrated', async (t) => {
  const { app, read } = await organizationBehind(t, { config: { TENANT_BEHIND: 'refuse' } })
  const refused = await read()
  t.match(refused, { statusCode: 503, headers: { 'retry-after': '30' } })
  t.match(refused.json(), { code: 'TENANT_BEHIND' })
  await app.services.provisioner.migrateTenants()
  t.equal((await read()).statusCode, 200, 'heard at once')
})

void t.test('one that newer code has migrated is served', async (t) => {
  const app = await buildTestApp(t, { spares: 1, config: { TENANT_BEHIND: 'refuse' } })
  const church = await app.signUp()
  await app.registry.query('UPDATE tenants SET schema_version = schema_version + 7')
  t.equal((await app.app.inject({ method: 'GET', url: '/api/members', headers: church.headers })).statusCode, 200)
})

void t.test('a migration that takes long or fails is answered 503, is on record, and is not tried again by each request', async (t) => {
  const { log, lines } = captureLog()
  const { app, read, row, inside } = await organizationBehind(t, { log, config: { DATABASE_WAIT_MS: 300 } })
  const client = await inside()
  await client.query('SELECT pg_advisory_lock(4801520080)')
  t.match(await read(), { statusCode: 503, headers: { 'retry-after': '2' } })
  await client.query('CREATE TABLE send_buckets (); SELECT pg_advisory_unlock_all()')
  await until(async () => (await row())['status'] === 'failed')
  t.match(await row(), { version: before, error: /send_buckets" already exists/ })
  t.match((await read()).headers, { 'retry-after': '30' })
  t.match((await read()).json(), { code: 'TENANT_BEHIND' })
  t.equal(lines().filter(({ msg }) => msg === 'a tenant could not be migrated for a request').length, 1)
  await client.query('DROP TABLE send_buckets')
  await client.end()
  t.equal((await read(await app.anotherProcess())).statusCode, 200, 'mended')
})
