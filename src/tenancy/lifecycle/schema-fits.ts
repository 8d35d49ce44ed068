// Whether this code can do something with a tenant's whole database, whose schema may be of another version.
import { problem } from '../../errors.js'
import { type RegistryTrx } from '../../registry/db.js'
import { currentSchemaVersion } from '../schema-version.js'
import { type TenantId } from '../tenant.js'

/** An older one is made anew from the files of its version; what newer files do nobody knows here. @throws Problem TENANT_STATUS_CONFLICT */
export async function refuseNewerSchema (trx: RegistryTrx, id: TenantId): Promise<void> {
  const version = await schemaVersionOf(trx, id)
  if (version > currentSchemaVersion()) {
    throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization's database has schema version ${version}, newer than this code's ${currentSchemaVersion()}. Nothing was changed; use the newer code.` })
  }
}

/** For rules that name tables and columns as they are today. @throws Problem TENANT_BEHIND, TENANT_STATUS_CONFLICT */
export async function refuseOtherSchema (trx: RegistryTrx, id: TenantId): Promise<void> {
  await refuseNewerSchema(trx, id)
  const version = await schemaVersionOf(trx, id)
  if (version < currentSchemaVersion()) {
    throw problem('TENANT_BEHIND', { detail: `The organization's database has schema version ${version}, and this needs ${currentSchemaVersion()}. Nothing was changed; bring it up to date first: koinonia migrate tenants --only ${id}` })
  }
}

/** One that is not there is for others to refuse. */
async function schemaVersionOf (trx: RegistryTrx, id: TenantId): Promise<number> {
  const row = await trx.selectFrom('tenants').select('schema_version').where('id', '=', id).executeTakeFirst()
  return row?.schema_version ?? currentSchemaVersion()
}
