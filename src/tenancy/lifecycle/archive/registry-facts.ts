// What the registry knows of a tenant, as an archive carries it, and how a registry that does not know it any more learns it again.
import { sql } from 'kysely'
import { problem } from '../../../errors.js'
import { type RegistryDb, type RegistryTrx } from '../../../registry/db.js'
import { type TenantId } from '../../tenant.js'
import { violatedConstraint } from '../../violated-constraint.js'
import { type ArchiveHeader } from './archive-file.js'

export async function headerOf (registry: RegistryDb, id: TenantId, facts: Pick<ArchiveHeader, 'schemaVersion' | 'status' | 'madeAt'>): Promise<ArchiveHeader> {
  const organization = await registry.selectFrom('organizations').innerJoin('tenants', 'tenants.organization_id', 'organizations.id')
    .select(['organizations.id', 'kind', 'name', 'email', 'domain', 'time_zone', 'address', 'trial_ends_at', 'organizations.created_at'])
    .where('tenants.id', '=', id).executeTakeFirstOrThrow()
  const admins = await registry.selectFrom('admin_email_index').select(['email_hash', 'admin_id']).where('tenant_id', '=', id).orderBy('admin_id').execute()
  const numbers = await registry.selectFrom('phone_number_registry').select(['phone_number', 'channel', 'provider_number_id', 'status']).where('tenant_id', '=', id).orderBy('phone_number').execute()
  const { time_zone: timeZone, trial_ends_at: trialEndsAt, created_at: createdAt, ...rest } = organization
  return {
    tenantId: id,
    ...facts,
    organization: { ...rest, timeZone, trialEndsAt: trialEndsAt.toISOString(), createdAt: createdAt.toISOString() },
    admins: admins.map(({ email_hash: hash, admin_id: adminId }) => ({ emailHash: hash.toString('hex'), adminId })),
    numbers: numbers.map(({ phone_number: phoneNumber, provider_number_id: providerNumberId, ...number }) => ({ phoneNumber, providerNumberId, ...number }))
  }
}

/** Organization, tenant (archived, on that server), e-mails and numbers. @throws Problem TENANT_STATUS_CONFLICT when something of it is another's by now */
export async function learnTenant (trx: RegistryTrx, { tenantId, organization, admins, numbers, schemaVersion }: ArchiveHeader, serverId: string): Promise<void> {
  try {
    const { id, kind, name, email, domain, timeZone, address, trialEndsAt, createdAt } = organization
    await trx.insertInto('organizations')
      .values({ id, kind, name, email, domain, time_zone: timeZone, address, trial_ends_at: trialEndsAt, created_at: createdAt }).execute()
    const row = { organization_id: id, server_id: serverId, status: 'archived' as const, schema_version: schemaVersion }
    await trx.insertInto('tenants').values({ id: tenantId, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ ...row, updated_at: sql<Date>`now()` }).where('tenants.status', '=', 'deleted')).execute()
    await replaceEmails(trx, tenantId, admins)
    for (const { phoneNumber, providerNumberId, channel, status } of numbers) {
      await trx.insertInto('phone_number_registry')
        .values({ phone_number: phoneNumber, channel, status, provider_number_id: providerNumberId, tenant_id: tenantId }).execute()
    }
  } catch (error) {
    const constraint = violatedConstraint(error)
    if (constraint === undefined) throw error
    throw problem('TENANT_STATUS_CONFLICT', { detail: `The registry has something of this organization under another's name (${constraint}). Nothing was changed.`, cause: error })
  }
}

/** Undoes it, to the row of a deleted tenant or to none. */
export async function forgetTenant (trx: RegistryTrx, id: TenantId, wasKnown: boolean): Promise<void> {
  const row = await trx.selectFrom('tenants').select('organization_id').where('id', '=', id).executeTakeFirst()
  await trx.deleteFrom('admin_email_index').where('tenant_id', '=', id).execute()
  await trx.deleteFrom('phone_number_registry').where('tenant_id', '=', id).execute()
  if (wasKnown) await trx.updateTable('tenants').set({ status: 'deleted', organization_id: null, updated_at: sql<Date>`now()` }).where('id', '=', id).execute()
  else await trx.deleteFrom('tenants').where('id', '=', id).execute()
  if (row?.organization_id != null) await trx.deleteFrom('organizations').where('id', '=', row.organization_id).execute()
}

/** Who may sign in is what the restored database says. */
export async function replaceEmails (trx: RegistryTrx, tenantId: string, admins: ArchiveHeader['admins']): Promise<void> {
  await trx.deleteFrom('admin_email_index').where('tenant_id', '=', tenantId).execute()
  if (admins.length === 0) return
  await trx.insertInto('admin_email_index')
    .values(admins.map(({ emailHash, adminId }) => ({ email_hash: Buffer.from(emailHash, 'hex'), tenant_id: tenantId, admin_id: adminId }))).execute()
}
