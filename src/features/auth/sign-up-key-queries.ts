// The SQL of the keys that sign-ups carry, in the registry, which knows before any tenant does.
import { type RegistryDb } from '../../registry/db.js'
import { type TenantId } from '../../tenancy/tenant.js'

/** Hashes are keyed, of 32 bytes. */
export interface KeyClaim { id: string, keyHash: Buffer, requestHash: Buffer }

/** False when the key is another request's. Of two who claim it at the same time, one gets it; one whose time is up is free. */
export async function claimKey (registry: RegistryDb, { id, keyHash, requestHash }: KeyClaim, now: Date, expiresAt: Date): Promise<boolean> {
  const claim = { claim_id: id, request_hash: requestHash, tenant_id: null, answer_cipher: null, expires_at: expiresAt, created_at: now }
  const row = await registry.insertInto('sign_up_keys').values({ key_hash: keyHash, ...claim })
    .onConflict((conflict) => conflict.column('key_hash').doUpdateSet(claim).where('sign_up_keys.expires_at', '<=', now))
    .returning('key_hash').executeTakeFirst()
  return row !== undefined
}

/** An answer kept by a sign-up that is not active yet, or is being undone, is none. */
export function selectKey (registry: RegistryDb, keyHash: Buffer) {
  return registry.selectFrom('sign_up_keys').leftJoin('tenants', 'tenants.id', 'sign_up_keys.tenant_id')
    .select(['request_hash as requestHash'])
    .select((row) => row.case().when('tenants.status', '<>', 'creating').then(row.ref('answer_cipher')).end().as('answer'))
    .where('key_hash', '=', keyHash)
    .executeTakeFirst()
}

/** False when the claim's time ran out and the key is somebody else's, or nobody's. */
export async function keepAnswer (registry: RegistryDb, { id, keyHash }: KeyClaim, tenantId: TenantId, cipher: Buffer, expiresAt: Date): Promise<boolean> {
  const row = await registry.updateTable('sign_up_keys').set({ tenant_id: tenantId, answer_cipher: cipher, expires_at: expiresAt })
    .where('key_hash', '=', keyHash).where('claim_id', '=', id).returning('key_hash').executeTakeFirst()
  return row !== undefined
}

/** Only while nothing was made under it: a kept answer stands or goes with its tenant. */
export async function freeKey (registry: RegistryDb, { id, keyHash }: KeyClaim): Promise<void> {
  await registry.deleteFrom('sign_up_keys').where('key_hash', '=', keyHash).where('claim_id', '=', id).where('tenant_id', 'is', null).execute()
}

export async function deleteExpiredKeys (registry: RegistryDb, now: Date): Promise<void> {
  await registry.deleteFrom('sign_up_keys').where('expires_at', '<=', now).execute()
}
