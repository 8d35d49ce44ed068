// A new password for a tenant's role under load: no request fails, in any process, whenever the process that changes it dies.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { tenantPassword } from '../../../src/tenancy/credentials.js'
import { rotateSaga } from '../../../src/tenancy/lifecycle/rotate-credentials.js'
import { changeRolePassword } from '../../../src/tenancy/roles.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { killAt } from '../../helpers/kill-at.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { makeRegistry } from '../../helpers/provisioning-ground.js'
import { until } from '../../helpers/until.js'

t.setTimeout(180_000)

const asked = { requestedBy: 'tests' }
const registry = await makeRegistry(t)
const files = t.testdir()
const here = await openOperations(t, registry.registryUrl, files)
const there = await openOperations(t, registry.registryUrl, files)

const version = async (id: TenantId): Promise<number | undefined> =>
  (await registry.sql.query<{ credential_version: number }>('SELECT credential_version FROM tenants WHERE id = $1', [id])).rows[0]?.credential_version

/** Requests one after another in both processes, most of them over a new connection, until `stop`. */
function load (id: TenantId) {
  const over = new AbortController()
  const failed: unknown[] = []
  let requests = 0
  const caller = async ({ tenancy }: typeof here, renew: boolean): Promise<void> => {
    while (!over.signal.aborted) {
      await tenancy.withTenant(id, (db) => sql`SELECT count(*) FROM admins`.execute(db)).then(() => { requests++ }, (error: unknown) => { failed.push(error) })
      if (renew) await tenancy.drain(id)
      await pause(1)
    }
  }
  const going = Promise.all([caller(here, true), caller(here, false), caller(there, true), caller(there, false)])
  return {
    failed,
    requests: () => requests,
    async stop () {
      over.abort()
      await going
    }
  }
}

async function letsIn (id: TenantId, credentialVersion: number): Promise<boolean> {
  const url = new URL(registry.adminUrl)
  const password = tenantPassword(here.keyring, { id, credentialVersion, server: { name: 'primary' } })
  const client = new pg.Client({ host: url.hostname, port: Number(url.port), database: `tenant_${id}`, user: `tenant_${id}`, password })
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

await t.test('ten rotations under requests from two processes: none fails, and only the last password lets in', async (t) => {
  const id = await makeTenant(here)
  const traffic = load(id)
  await until(async () => traffic.requests() > 20)
  for (let turn = 1; turn <= 10; turn++) {
    await (turn % 2 === 0 ? here : there).operations.perform(rotateSaga, id, {}, asked)
    const before = traffic.requests()
    await until(async () => traffic.requests() > before + 10)
  }
  await traffic.stop()
  t.strictSame(traffic.failed, [])
  t.equal(await version(id), 11)
  t.notOk(await letsIn(id, 1))
  t.notOk(await letsIn(id, 10))
  t.ok(await letsIn(id, 11))
})

await t.test('what runs on an open connection goes on over it', async (t) => {
  const id = await makeTenant(here)
  await there.tenancy.withTenant(id, async (db) => {
    await db.transaction().execute(async (trx) => {
      await here.operations.perform(rotateSaga, id, {}, asked)
      await until(() => there.tenancy.withTenant(id, () => letsIn(id, 2)))
      await trx.insertInto('tags').values({ name: 'choir' }).execute()
    })
  })
  t.match(await here.tenancy.withTenant(id, (db) => db.selectFrom('tags').select('name').execute()), [{ name: 'choir' }])
})

await t.test('killed at every step no request fails either, and the next sweep finishes it', async (t) => {
  for (const point of ['password-changed:did', 'password-changed', 'done']) {
    const id = await makeTenant(here)
    const traffic = load(id)
    await until(async () => traffic.requests() > 20)
    await killAt(t, { sql: registry.sql, args: [registry.registryUrl, files, id, 'rotate'], point })
    const before = traffic.requests()
    await until(async () => traffic.requests() > before + 20)
    await there.operations.runDue(new AbortController().signal)
    const after = traffic.requests()
    await until(async () => traffic.requests() > after + 20)
    await traffic.stop()
    t.strictSame(traffic.failed, [], point)
    t.equal(await version(id), 2, point)
  }
})

await t.test('a process that has not heard of several changes asks the registry for the newest', async (t) => {
  const id = await makeTenant(here)
  await here.tenancy.withTenant(id, (db) => sql`SELECT`.execute(db))
  const { lookUps } = here.tenancy.stats()
  await changeRolePassword(registry.admin, `tenant_${id}`, tenantPassword(here.keyring, { id, credentialVersion: 5, server: { name: 'primary' } }))
  await registry.sql.query('ALTER TABLE tenants DISABLE TRIGGER tenants_changed')
  await registry.sql.query('UPDATE tenants SET credential_version = 5 WHERE id = $1', [id])
  await registry.sql.query('ALTER TABLE tenants ENABLE TRIGGER tenants_changed')
  await registry.admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [`tenant_${id}`])
  await until(() => here.tenancy.withTenant(id, (db) => sql`SELECT`.execute(db)).then(() => true, () => false))
  t.equal(here.tenancy.stats().lookUps, lookUps + 1)
})

await t.test('a password that is wrong altogether is one failure, not an endless look-up', async (t) => {
  const id = await makeTenant(here)
  await here.tenancy.drain(id)
  await registry.admin.query(`ALTER ROLE tenant_${id} PASSWORD 'something else'`)
  await t.rejects(here.tenancy.lease(id), { code: 'DATABASE_UNAVAILABLE', status: 503 })
})

await t.test('one that is archived has no password to change', async (t) => {
  const id = await makeTenant(here)
  await registry.sql.query('UPDATE tenants SET status = \'archived\' WHERE id = $1', [id])
  await t.rejects(here.operations.perform(rotateSaga, id, {}, asked), { code: 'TENANT_STATUS_CONFLICT' })
})
