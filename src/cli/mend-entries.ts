// The doctor's repairs of the registry's indexes: each looks into the tenant once more, with the tenant's own password, and changes one entry.
import { sql } from 'kysely'
import { emailHash } from '../crypto/email-hash.js'
import { type Tenant, type TenantDb } from '../tenancy/tenant.js'
import { type Operator } from './operator.js'

/** The entry says who has this e-mail now: written, put right, or removed when nobody has it. `hash` in hex. */
export async function alignEmail (operator: Operator, tenant: Tenant, hash: string): Promise<void> {
  const { registry, keyring } = operator
  // The password is derived from the MASTER_KEY: with another one this fails, and no entry is made under the wrong key.
  const admins = await asTenant(operator, tenant, (db) => db.selectFrom('admins').select(['id', 'email', 'status']).execute())
  const owner = admins.find(({ email }) => emailHash(keyring, email).toString('hex') === hash)
  const bytes = Buffer.from(hash, 'hex')
  if (owner === undefined) {
    await registry.deleteFrom('admin_email_index').where('tenant_id', '=', tenant.id).where('email_hash', '=', bytes).execute()
    return
  }
  await registry.insertInto('admin_email_index').values({ email_hash: bytes, tenant_id: tenant.id, admin_id: owner.id })
    .onConflict((conflict) => conflict.columns(['email_hash', 'tenant_id']).doUpdateSet({ admin_id: owner.id })).execute()
}

/** Texts to the number reach the tenant from now on. Throws when it is another's by now, or not the tenant's any more. */
export async function routeNumber (operator: Operator, tenant: Tenant, number: string): Promise<void> {
  const row = await asTenant(operator, tenant, (db) => db.selectFrom('phone_numbers').select('provider_number_id').where('number', '=', number).where('status', '=', 'active').executeTakeFirst())
  if (row === undefined) throw new Error('The organization does not have it any more.')
  const facts = { provider_number_id: row.provider_number_id, status: 'active' as const, updated_at: sql<Date>`now()` }
  const { numInsertedOrUpdatedRows: written } = await operator.registry.insertInto('phone_number_registry').values({ phone_number: number, tenant_id: tenant.id, ...facts })
    .onConflict((conflict) => conflict.columns(['phone_number', 'channel']).doUpdateSet(facts)
      .where('phone_number_registry.tenant_id', '=', tenant.id).where('phone_number_registry.status', 'in', ['pending', 'active'])).executeTakeFirstOrThrow()
  if (written !== 1n) throw new Error('Somebody else has it by now.')
}

/** Lets the number be bought again, unless the tenant is buying it. */
export async function freeClaim (operator: Operator, tenant: Tenant, number: string): Promise<void> {
  const wanted = await asTenant(operator, tenant, (db) => db.selectFrom('phone_numbers').select('id').where('number', '=', number).where('status', 'in', ['pending', 'active']).executeTakeFirst())
  if (wanted !== undefined) throw new Error('The organization is buying it.')
  await operator.registry.deleteFrom('phone_number_registry').where('phone_number', '=', number).where('channel', '=', 'sms')
    .where('tenant_id', '=', tenant.id).where('status', '=', 'pending').execute()
}

/** Suspended or not. */
async function asTenant<T> ({ tenancy }: Operator, tenant: Tenant, use: (db: TenantDb) => Promise<T>): Promise<T> {
  const lease = await tenancy.leaseOf(tenant)
  try {
    return await use(lease.db)
  } finally {
    lease.release()
  }
}
