// Many real tenant databases of one registry, at a version of the tenants' schema that is not the newest.
import type pg from 'pg'
import { type FleetTiming } from '../../src/tenancy/fleet/fleet-timing.js'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { connect, databaseUrl, makeRegistry, openProvisioner } from './provisioning-ground.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

/** Everything that a run waits for, short. */
export const hasty: Partial<FleetTiming> = { leaseSeconds: 1, heartbeatMs: 200, pollMs: 50, firstPauseMs: 20, lockTimeoutMs: 150, lockTries: 3, serverTries: 2 }

/** A version that is there to stay, and the two files before it: 0016 makes the table `events`, 0017 makes `send_buckets`. */
export const before = 15
export const after = 17

export type Fleet = Awaited<ReturnType<typeof makeFleet>>

/** `count` active tenants at `version`, oldest first. */
export async function makeFleet (t: Teardown, count: number, version = before) {
  const ground = await makeRegistry(t)
  const { provisioner, registry } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: count }, { fleetTiming: hasty })
  await provisioner.refillSpares()
  const { rows } = await ground.sql.query<{ id: TenantId }>('SELECT id FROM tenants ORDER BY created_at, id')
  for (const { id } of rows) {
    await ground.sql.query(`WITH organization AS (INSERT INTO organizations (kind, name, email, trial_ends_at) VALUES ('church', $1, $1 || '@example.org', now()) RETURNING id)
      UPDATE tenants SET status = 'active', organization_id = organization.id FROM organization WHERE tenants.id = $1`, [id])
  }
  if (version < currentSchemaVersion()) await provisioner.migrateTenants({ to: version, down: true })
  await ground.sql.query('DELETE FROM fleet_migrations')
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
    ids: rows.map(({ id }) => id),
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
