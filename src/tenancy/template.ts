// The sealed template that new tenant databases are cloned from: one for each state of the tenant schema on each server.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type ClientBase, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg'
import { applyMigrations, migrationFiles } from '../registry/apply-migrations.js'
import { type Provisioning } from './provisioning.js'
import { allowActingAs, ownershipMark } from './roles.js'
import { TEMPLATE_LOCK, withAdvisoryLock } from './server-administration.js'

/** Owns what is inside templates: REASSIGN OWNED turns it into the tenant's in each clone. It can't log in. */
export const TEMPLATE_OWNER = 'koinonia_template_owner'
/** Owns databases that are looked at and dropped. Not the one above: a sign-up's REASSIGN OWNED takes every database of its, wherever it runs. */
export const SCRATCH_OWNER = 'koinonia_scratch_owner'
export const TEMPLATE_PREFIX = 'koinonia_template_'

/** Sorting the same on every server and through every upgrade of its C library. */
export const DATABASE_LOCALE = 'TEMPLATE template0 ENCODING \'UTF8\' LOCALE_PROVIDER builtin BUILTIN_LOCALE \'C.UTF-8\' LOCALE \'C\''

/** Changes with any migration file, and with this number, which stands for how templates are made. */
const TEMPLATE_FORM = 1

let fingerprint: string | undefined

export function templateName (): string {
  if (fingerprint === undefined) {
    const hash = createHash('sha256').update(String(TEMPLATE_FORM))
    for (const file of migrationFiles('tenant')) hash.update(`\0${basename(file)}\0`).update(readFileSync(file))
    fingerprint = hash.digest('hex').slice(0, 12)
  }
  return `${TEMPLATE_PREFIX}${fingerprint}`
}

/** Makes the template unless it is there. However many processes ask at once, one makes it and the others wait. */
export async function ensureTemplate (work: Provisioning, serverName: string): Promise<string> {
  const name = templateName()
  await work.servers.connect(serverName, async (client) => {
    if (await isSealed(client, name) && (await openToAll(client)).length === 0) return
    await withAdvisoryLock(client, [TEMPLATE_LOCK], async () => {
      for (const database of await openToAll(client)) await client.query(`REVOKE ALL ON DATABASE ${escapeIdentifier(database)} FROM PUBLIC`)
      if (await isSealed(client, name)) return
      await makeTemplate(work, serverName, client, name)
      work.log.info({ server: serverName, template: name }, 'template database made')
    })
  })
  return name
}

async function isSealed (client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate AND NOT datallowconn', [name])
  return rows.length > 0
}

/** PostgreSQL lets every role into these until told otherwise; tenants' roles have no business there. Where they belong to another owner it stays so. */
async function openToAll (client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT datname AS name FROM pg_database
    WHERE datname IN ('postgres', 'template1') AND has_database_privilege('public', oid, 'CONNECT') AND pg_has_role(datdba, 'USAGE')`)
  return rows.map(({ name }) => name)
}

async function makeTemplate (work: Provisioning, serverName: string, client: ClientBase, name: string): Promise<void> {
  const database = escapeIdentifier(name)
  // Under the lock an unsealed one is what a crash left.
  await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
  await ensureOwner(client, TEMPLATE_OWNER)
  await client.query(`CREATE DATABASE ${database} ${DATABASE_LOCALE}`)
  await client.query(`COMMENT ON DATABASE ${database} IS ${escapeLiteral(ownershipMark(await work.identity()))};
    REVOKE ALL ON DATABASE ${database} FROM PUBLIC; GRANT CREATE ON DATABASE ${database} TO ${TEMPLATE_OWNER}`)
  await work.servers.connect(serverName, async (inside) => {
    await inside.query(`REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT ALL ON SCHEMA public TO ${TEMPLATE_OWNER}`)
    await inside.query(`SET ROLE ${TEMPLATE_OWNER}`)
    await applyMigrations(inside, 'tenant', work.log)
    await inside.query(`RESET ROLE; REVOKE ALL ON SCHEMA public FROM ${TEMPLATE_OWNER}`)
  }, name)
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM ${TEMPLATE_OWNER};
    ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
}

export async function ensureOwner (client: ClientBase, role: typeof TEMPLATE_OWNER | typeof SCRATCH_OWNER): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  if (rows.length === 0) await createOwner(client, role)
  await allowActingAs(client, role)
}

async function createOwner (client: ClientBase, role: string): Promise<void> {
  try {
    await client.query(`CREATE ROLE ${role} NOLOGIN`)
  } catch (error) {
    // Somebody else made it since we looked.
    if (!(error instanceof DatabaseError) || !(error.code === '42710' || error.code === '23505')) throw error
  }
}
