// The SQL of whom a welcome was sent.
import { type TenantDb } from '../../tenancy/tenant.js'

export async function isWelcomed (trx: TenantDb, phoneHash: Buffer): Promise<boolean> {
  return await trx.selectFrom('welcomed_numbers').select('message_id').where('phone_hash', '=', phoneHash).executeTakeFirst() !== undefined
}

/** @throws a violation of the primary key when the number was welcomed before: then nothing of the transaction stays */
export async function keepWelcome (trx: TenantDb, phoneHash: Buffer, messageId: string): Promise<void> {
  await trx.insertInto('welcomed_numbers').values({ phone_hash: phoneHash, message_id: messageId }).execute()
}
