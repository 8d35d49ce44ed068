// A registry of its own on the test server and a Provisioner over it; whatever the registry made on the server goes at the end.
import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { type Config, loadConfig } from '../../src/config.js'
import { createKeyring } from '../../src/crypto/keyring.js'
import { openRegistry } from '../../src/registry/db.js'
import { RegistryListener } from '../../src/registry/listener.js'
import { Provisioner, type ProvisionerOptions } from '../../src/tenancy/provisioner.js'
import { Tenancy } from '../../src/tenancy/tenancy.js'
import { migratedTemplate } from './migrated-template.js'
import { testServer } from './test-server.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

export const MASTER_KEY = createHash('sha256').update('provisioning tests').digest()
export const silent = pino({ level: process.env['TEST_LOG'] ?? 'silent' })

/** A migrated registry; `admin` is connected to the server's own database, `sql` to the registry. */
export async function makeRegistry (t: Teardown) {
  const { adminUrl } = await testServer()
  const admin = await connect(adminUrl)
  const name = `registry_${randomBytes(6).toString('hex')}`
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${await migratedTemplate(admin, adminUrl, 'registry')}`)
  await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
  const registryUrl = databaseUrl(adminUrl, name)
  const sql = await connect(registryUrl)
  t.teardown(async () => {
    await sql.end().catch(() => undefined)
    const last = await connect(registryUrl)
    const { rows: [identity] } = await last.query<{ id: string }>('SELECT id FROM registry_identity')
    await last.end()
    if (identity !== undefined) await dropMarked(admin, identity.id)
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  })
  return { adminUrl, registryUrl, admin, sql, name }
}

/** What one process would have, opened on the registry. */
export async function openProvisioner (t: Teardown, registryUrl: string, settings: Partial<Config> = {}, options: Partial<ProvisionerOptions> = {}) {
  const config: Config = { ...loadConfig({ NODE_ENV: 'test', JWT_SECRET: 'x'.repeat(32), MASTER_KEY: MASTER_KEY.toString('base64'), OPERATOR_TOKEN: 'x'.repeat(24) }), ...settings }
  const keyring = createKeyring(MASTER_KEY)
  const registry = openRegistry(registryUrl, config, silent)
  const listener = new RegistryListener({ connectionString: registryUrl, log: silent })
  await listener.start()
  const tenancy = new Tenancy({ registry, listener, keyring, config, log: silent })
  const provisioner = new Provisioner({ registry: registry.db, tenancy, keyring, config, registryUrl, log: silent, ...options })
  t.teardown(async () => {
    await tenancy.close(1_000)
    await listener.close()
    await registry.close()
  })
  return { provisioner, tenancy, registry, keyring, config, listener }
}

export const newChurch = (name = 'Grace Chapel') => ({ kind: 'church' as const, name, email: 'office@example.org', trialEndsAt: new Date(Date.now() + 1_209_600_000) })

export const newAdmin = (email = 'pastor@example.org') => ({ id: '01900000-0000-7000-8000-000000000001', emailHash: createHash('sha256').update(email).digest() })

/** Databases and roles on the server that bear the registry's mark. */
export async function marked (admin: pg.Client, registryId: string): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles WHERE shobj_description(oid, \'pg_authid\') = $1 ORDER BY 1', [`koinonia registry ${registryId}`])
  return rows.map(({ name }) => name)
}

export async function connect (url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  // The last one standing is ended by DROP DATABASE WITH (FORCE).
  client.on('error', () => undefined)
  await client.connect()
  return client
}

export function databaseUrl (adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  return url.href
}

async function dropMarked (admin: pg.Client, registryId: string): Promise<void> {
  for (const name of await marked(admin, registryId)) {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin.query(`DROP ROLE ${name}`)
  }
}
