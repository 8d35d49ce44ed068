// Many real tenant databases of one registry, at a version of the tenants' schema that is not the newest.
import { createId } from '@paralleldrive/cuid2'
import type pg from 'pg'
import { applyMigrationsTo } from '../../src/registry/apply-migrations.js'
import { tenantPassword } from '../../src/tenancy/credentials.js'
import { type FleetTiming } from '../../src/tenancy/fleet/fleet-timing.js'
import { type Provisioning } from '../../src/tenancy/provisioning.js'
import { createTenantRole } from '../../src/tenancy/roles.js'
import { recordServers } from '../../src/tenancy/servers.js'
import { DATABASE_LOCALE, ensureOwner, TEMPLATE_OWNER } from '../../src/tenancy/template.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { connect, databaseUrl, makeRegistry, openProvisioner, silent } from './provisioning-ground.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

/** Everything that a run waits for, short. */
export const hasty: Partial<FleetTiming> = { leaseSeconds: 1, heartbeatMs: 200, pollMs: 50, firstPauseMs: 20, lockTimeoutMs: 150, lockTries: 3, serverTries: 2 }

/** A version that is there to stay, and the two files before it: 0016 makes the table `events`, 0017 makes `send_buckets`. */
export const before = 15
export const after = 17

export type Fleet = Awaited<ReturnType<typeof makeFleet>>

/** `count` active tenants at `version`, oldest first: clones of one database, as provisioning leaves them but made faster. */
export async function makeFleet (t: Teardown, count: number, version = before) {
  const ground = await makeRegistry(t)
  const { provisioner, registry } = await openProvisioner(t, ground.registryUrl, {}, { fleetTiming: hasty })
  await recordServers(registry.db, provisioner.work.servers, 'REGISTRY_DATABASE_URL')
  const source = await makeSource(ground, version)
  t.teardown(async () => { await ground.admin.query(`DROP DATABASE IF EXISTS ${source} WITH (FORCE)`) })
  const ids = Array.from({ length: count }, () => createId() as TenantId)
  for (const id of ids) {
    await cloneTenant(ground, provisioner.work, source, id)
    await ground.sql.query(`WITH organization AS (INSERT INTO organizations (kind, name, email, trial_ends_at) VALUES ('church', $1, $1 || '@example.org', now()) RETURNING id)
      INSERT INTO tenants (id, organization_id, server_id, status, schema_version) SELECT $1, organization.id, database_servers.id, 'active', $2 FROM organization, database_servers`, [id, version])
  }
  /** As administrator, inside one tenant's database. */
  const inside = async <Row extends pg.QueryResultRow>(id: string, sql: string): Promise<Row[]> => {
    const client = await connect(databaseUrl(ground.adminUrl, `tenant_${id}`))
    try {
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end()
    }
  }
  const one = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>> => (await ground.sql.query<Record<string, unknown>>(sql, values)).rows[0] ?? {}
  return {
    ...ground,
    provisioner,
    registry,
    ids,
    inside,
    /** Makes file 0017 fail there, until `cure`. */
    poison: async (id: string) => { await inside(id, 'CREATE TABLE send_buckets ()') },
    cure: async (id: string) => { await inside(id, 'DROP TABLE send_buckets') },
    /** Names of the files applied, as the database itself has them. */
    filesOf: async (id: string): Promise<string[]> => (await inside<{ name: string }>(id, 'SELECT name FROM pgmigrations ORDER BY id')).map(({ name }) => name),
    statusOf: (id: string) => one('SELECT schema_version AS version, migration_status AS status, migration_error AS error, migration_owner AS owner FROM tenants WHERE id = $1', [id]),
    versions: async () => (await ground.sql.query<{ version: number, tenants: number }>(
      'SELECT schema_version AS version, count(*)::int AS tenants FROM tenants WHERE status = \'active\' GROUP BY 1 ORDER BY 1')).rows.map(({ version, tenants }) => `${tenants} at ${version}`),
    run: () => one('SELECT outcome, migrated, failed, canaries FROM fleet_migrations ORDER BY id DESC LIMIT 1')
  }
}

interface Ground { adminUrl: string, admin: pg.Client, name: string }

async function makeSource ({ adminUrl, admin, name }: Ground, version: number): Promise<string> {
  const source = `source_of_${name}`
  await ensureOwner(admin, TEMPLATE_OWNER)
  await admin.query(`CREATE DATABASE ${source} ${DATABASE_LOCALE}`)
  await admin.query(`GRANT CREATE ON DATABASE ${source} TO ${TEMPLATE_OWNER}`)
  const inside = await connect(databaseUrl(adminUrl, source))
  await inside.query(`REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT ALL ON SCHEMA public TO ${TEMPLATE_OWNER}; SET ROLE ${TEMPLATE_OWNER}`)
  await applyMigrationsTo(inside, 'tenant', silent, version)
  await inside.query(`RESET ROLE; REVOKE ALL ON SCHEMA public FROM ${TEMPLATE_OWNER}`)
  await inside.end()
  return source
}

async function cloneTenant ({ adminUrl, admin }: Ground, { keyring, identity }: Provisioning, source: string, id: string): Promise<void> {
  const name = `tenant_${id}`
  const password = tenantPassword(keyring, { id: id as TenantId, credentialVersion: 1, server: { name: 'primary' } })
  await createTenantRole(admin, name, password, await identity())
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${source} OWNER ${name} STRATEGY FILE_COPY`)
  await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
  const inside = await connect(databaseUrl(adminUrl, name))
  await inside.query(`REASSIGN OWNED BY ${TEMPLATE_OWNER} TO ${name}`)
  await inside.end()
}
