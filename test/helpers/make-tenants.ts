// A registry and many small tenant databases on the test server, made by plain SQL so that a test of the engine starts fast.
import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { type Config, loadConfig } from '../../src/config.js'
import { createKeyring } from '../../src/crypto/keyring.js'
import { openRegistry } from '../../src/registry/db.js'
import { RegistryListener } from '../../src/registry/listener.js'
import { tenantPassword } from '../../src/tenancy/credentials.js'
import { scramVerifier } from '../../src/tenancy/roles.js'
import { Tenancy } from '../../src/tenancy/tenancy.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { migratedTemplate } from './migrated-template.js'
import { testServer } from './test-server.js'

export type TestGround = Awaited<ReturnType<typeof makeTenants>>

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

const keyring = createKeyring(createHash('sha256').update('tests').digest())
export const silent = pino({ level: 'silent' })

/** A migrated registry with `count` active tenants, each with a role and a database that holds `CREATE TABLE notes (id int PRIMARY KEY, body text)`. */
export async function makeTenants (t: Teardown, count: number) {
  const server = await testServer()
  const admin = new pg.Client(server.adminUrl)
  await admin.connect()
  const mark = randomBytes(4).toString('hex')
  const registryName = `registry_${mark}`
  await admin.query(`CREATE DATABASE ${registryName} TEMPLATE ${await migratedTemplate(admin, server.adminUrl, 'registry')}`)
  const connectionString = databaseUrl(server.adminUrl, registryName)
  const sql = new pg.Client(connectionString)
  await sql.connect()
  const address = new URL(server.adminUrl)
  const ids = Array.from({ length: count }, (_, index) => `t${mark}${String(index).padStart(5, '0')}` as TenantId)
  const serverId = await insertServer(sql, 'primary', address.hostname, Number(address.port))
  const template = `template_${mark}`
  await admin.query(`CREATE DATABASE ${template}`)
  const filling = new pg.Client(databaseUrl(server.adminUrl, template))
  await filling.connect()
  await filling.query(`CREATE TABLE notes (id int PRIMARY KEY, body text); INSERT INTO notes SELECT i, 'note ' || i FROM generate_series(1, 100) i;
    GRANT ALL ON notes TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC`)
  await filling.end()
  for (const id of ids) {
    await admin.query(`CREATE ROLE tenant_${id} LOGIN PASSWORD '${scramVerifier(tenantPassword(keyring, { id, credentialVersion: 1, server: { name: 'primary' } }))}'`)
    await admin.query(`CREATE DATABASE tenant_${id} TEMPLATE ${template} OWNER tenant_${id} STRATEGY FILE_COPY`)
    await admin.query(`REVOKE CONNECT ON DATABASE tenant_${id} FROM PUBLIC`)
    await insertTenant(sql, id, serverId)
  }
  /** As administrator, inside one tenant's database. */
  const runIn = async (id: TenantId, statement: string): Promise<void> => {
    const client = new pg.Client(databaseUrl(server.adminUrl, `tenant_${id}`))
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  /** The same database, reached under another server's name and address. */
  const moveTo = async (id: TenantId, toServer: string, name: string): Promise<void> => {
    await admin.query(`ALTER ROLE tenant_${id} PASSWORD '${tenantPassword(keyring, { id, credentialVersion: 1, server: { name } })}'`)
    await sql.query('UPDATE tenants SET server_id = $2 WHERE id = $1', [id, toServer])
  }
  const ground = { server, admin, sql, connectionString, keyring, ids, mark, serverId, runIn, moveTo }
  t.teardown(async () => {
    await sql.end()
    for (const id of ids) {
      await admin.query(`DROP DATABASE IF EXISTS tenant_${id} WITH (FORCE)`)
      await admin.query(`DROP ROLE IF EXISTS tenant_${id}`)
    }
    await admin.query(`DROP DATABASE ${template} WITH (FORCE)`)
    await admin.query(`DROP DATABASE ${registryName} WITH (FORCE)`)
    await admin.end()
  })
  return ground
}

/** A Tenancy over the ground, as one process would have it, with its own registry pool and listener. */
export async function openTenancy (t: Teardown, ground: Pick<TestGround, 'connectionString'>, settings: Partial<Config> = {}, listenTo = ground.connectionString) {
  const config: Config = { ...loadConfig({ NODE_ENV: 'test', LOG_LEVEL: 'silent' }), ...settings }
  const registry = openRegistry(ground.connectionString, config, silent)
  const listener = new RegistryListener({ connectionString: listenTo, log: silent, firstPauseMs: 20, longestPauseMs: 100, heartbeatMs: 500 })
  const tenancy = new Tenancy({ registry, listener, keyring, config, log: silent })
  await listener.start()
  t.teardown(async () => {
    await tenancy.close(1_000)
    await listener.close()
    await registry.close()
  })
  return { tenancy, listener, registry, config }
}

export async function insertServer (sql: pg.Client, name: string, host: string, port: number): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    'INSERT INTO database_servers (name, host, port, admin_secret_ref) VALUES ($1, $2, $3, $4) RETURNING id', [name, host, port, 'TENANT_SERVERS'])
  return rows[0]!.id
}

export async function insertTenant (sql: pg.Client, id: string, serverId: string): Promise<void> {
  const { rows } = await sql.query<{ id: string }>(
    'INSERT INTO organizations (kind, name, email, trial_ends_at) VALUES (\'church\', $1, $2, now()) RETURNING id', [`Church ${id}`, `${id}@example.org`])
  await sql.query('INSERT INTO tenants (id, organization_id, server_id, status, schema_version) VALUES ($1, $2, $3, \'active\', 1)', [id, rows[0]!.id, serverId])
}

function databaseUrl (adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  return url.href
}
