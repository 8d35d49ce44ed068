// Makes a staging copy of an organization: another organization, with its own database, admin and keys, that can text no one.
import { createId } from '@paralleldrive/cuid2'
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import { emailHash } from '../../../crypto/email-hash.js'
import { fieldCrypto, registryCrypto } from '../../../crypto/fields.js'
import { type Keyring } from '../../../crypto/keyring.js'
import { uuidv7 } from '../../../crypto/uuid.js'
import { problem } from '../../../errors.js'
import { type RegistryTrx } from '../../../registry/db.js'
import { makeDatabase } from '../../create-database.js'
import { type Provisioning } from '../../provisioning.js'
import { type Tenant, type TenantId } from '../../tenant.js'
import { selectTenants, toTenant } from '../../tenant-rows.js'
import { undoTenant } from '../../undo-tenant.js'
import { writeDatabase } from '../copy/write-database.js'
import { actAs } from '../copy-database.js'
import { defineSaga, type OperationContext } from '../saga.js'
import { refuseOtherSchema } from '../schema-fits.js'
import { readNeutralized } from './read-neutralized.js'

/** What the operation has on record. */
export const cloneState = Type.Object({
  /** The copy's. */
  tenantId: Type.String(),
  name: Type.String(),
  email: Type.String(),
  /** Hex, as in admin_email_index. */
  emailHash: Type.String(),
  adminId: Type.String(),
  /** Base64; empty once it is in the copy. */
  sealedPasswordHash: Type.String(),
  /** Name of another server than the original's. */
  to: Type.Optional(Type.String())
})

export type CloneState = Static<typeof cloneState>

interface NewClone { name: string, email: string, passwordHash: string, to: string | undefined, now: Date }

/** What `cloneSaga` begins with. `email`: of the copy's one admin. */
export function newClone (keyring: Keyring, { name, email, passwordHash, to, now }: NewClone): CloneState {
  return {
    tenantId: createId(),
    name,
    email,
    emailHash: emailHash(keyring, email).toString('hex'),
    adminId: uuidv7(now.getTime()),
    sealedPasswordHash: secrets(keyring).encrypt(passwordHash).toString('base64'),
    ...(to === undefined ? {} : { to })
  }
}

const secrets = (keyring: Keyring) => registryCrypto(keyring, 'tenant_operations')

/** Of the organization that is copied, which takes requests all the while. */
export const cloneSaga = defineSaga({
  kind: 'clone',
  state: cloneState,
  admit,
  steps: [
    { name: 'registered', run: register, undo: remove },
    { name: 'database-made', run: makeCopy },
    { name: 'copied', run: copy },
    { name: 'admin-made', run: makeAdmin }
  ],
  complete: activate,
  withdraw: async () => undefined
})

async function admit (trx: RegistryTrx, tenantId: TenantId, { emailHash: hash, to }: CloneState): Promise<Partial<CloneState>> {
  const tenant = await trx.selectFrom('tenants').select('status').where('id', '=', tenantId).forUpdate().executeTakeFirst()
  if (tenant === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${tenantId}. List them with: koinonia tenants list` })
  if (tenant.status !== 'active' && tenant.status !== 'suspended') {
    throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${tenant.status}; only one that is active or suspended can be copied.` })
  }
  await refuseOtherSchema(trx, tenantId)
  const same = await trx.selectFrom('admin_email_index').select('admin_id').where('tenant_id', '=', tenantId).where('email_hash', '=', Buffer.from(hash, 'hex')).executeTakeFirst()
  if (same !== undefined) throw problem('TENANT_STATUS_CONFLICT', { detail: 'This e-mail address signs in to the original. Give the copy another, so that nobody takes the one for the other.' })
  if (to !== undefined) await serverNamed(trx, to)
  return {}
}

/** Never out of its time while the operation lives: undoing it is the operation's own. */
async function register ({ work, tenant }: OperationContext, { tenantId, name, email, to }: CloneState): Promise<undefined> {
  await work.registry.transaction().execute(async (trx) => {
    if (await trx.selectFrom('tenants').select('id').where('id', '=', tenantId).executeTakeFirst() !== undefined) return
    const original = await trx.selectFrom('organizations').select(['kind', 'time_zone', 'trial_ends_at']).where('id', '=', tenant.organizationId).executeTakeFirstOrThrow()
    const { id } = await trx.insertInto('organizations').values({ ...original, name, email }).returning('id').executeTakeFirstOrThrow()
    await trx.insertInto('tenants').values({
      id: tenantId, organization_id: id, server_id: to === undefined ? tenant.server.id : await serverNamed(trx, to), status: 'creating', provisioning_owner: work.owner, provisioning_expires_at: sql<Date>`'infinity'`
    }).execute()
  })
}

async function serverNamed (trx: RegistryTrx, name: string): Promise<string> {
  const server = await trx.selectFrom('database_servers').select('id').where('name', '=', name).where('state', '=', 'open').executeTakeFirst()
  if (server === undefined) throw problem('SERVER_UNSUITABLE', { detail: `There is no open database server ${name}.` })
  return server.id
}

async function findCopy (work: Provisioning, { tenantId }: CloneState): Promise<Tenant | undefined> {
  const row = await selectTenants(work.registry).where('tenants.id', '=', tenantId).executeTakeFirst()
  return row === undefined ? undefined : toTenant(row)
}

async function copyOf (work: Provisioning, given: CloneState): Promise<Tenant> {
  const found = await findCopy(work, given)
  if (found?.status !== 'creating') throw new Error(`The copy ${given.tenantId} is ${found?.status ?? 'gone'}`)
  return found
}

async function remove ({ work }: OperationContext, given: CloneState): Promise<void> {
  const found = await findCopy(work, given)
  if (found === undefined) return
  await work.registry.updateTable('tenants').set({ provisioning_owner: work.owner }).where('id', '=', found.id).where('status', '=', 'creating').execute()
  await undoTenant(work, found, 'own')
}

async function makeCopy ({ work, tenant, confirm }: OperationContext, given: CloneState): Promise<undefined> {
  const found = await copyOf(work, given)
  const version = await makeDatabase(work, found, confirm, tenant.schemaVersion)
  await work.registry.updateTable('tenants').set({ schema_version: version, migration_status: 'done', migration_attempted_at: sql<Date>`now()` }).where('id', '=', found.id).execute()
}

async function copy ({ work, tenant, progress, signal }: OperationContext, given: CloneState): Promise<undefined> {
  const found = await copyOf(work, given)
  await work.servers.connect(tenant.server.name, async (source) => {
    await work.servers.connect(found.server.name, async (target) => {
      await actAs(source, tenant)
      await actAs(target, found)
      await writeDatabase(target, readNeutralized(source, fieldCrypto(work.keyring, found.id), { progress, signal }), signal)
    }, found.databaseName)
  }, tenant.databaseName)
}

async function makeAdmin ({ work }: OperationContext, given: CloneState): Promise<Partial<CloneState>> {
  const found = await copyOf(work, given)
  const passwordHash = secrets(work.keyring).decrypt(Buffer.from(given.sealedPasswordHash, 'base64'))
  await work.servers.connect(found.server.name, async (client) => {
    await actAs(client, found)
    await client.query(`INSERT INTO public.admins (id, email, password_hash, first_name, last_name, role) VALUES ($1, $2, $3, 'Admin of', 'the copy', 'primary')
      ON CONFLICT (id) DO NOTHING`, [given.adminId, given.email, passwordHash])
    await client.query('ANALYZE')
  }, found.databaseName)
  return { sealedPasswordHash: '' }
}

async function activate (trx: RegistryTrx, _original: TenantId, { tenantId, emailHash: hash, adminId }: CloneState): Promise<void> {
  await trx.updateTable('tenants').set({ status: 'active', provisioning_owner: null, provisioning_expires_at: null, updated_at: sql<Date>`now()` })
    .where('id', '=', tenantId).where('status', '=', 'creating').execute()
  await trx.insertInto('admin_email_index').values({ email_hash: Buffer.from(hash, 'hex'), tenant_id: tenantId, admin_id: adminId }).onConflict((conflict) => conflict.doNothing()).execute()
}
