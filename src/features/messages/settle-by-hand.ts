// Settles a text whose fate is unknown by a person's word; whatever the carrier has reported stands.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

export async function settleByHand (trx: TenantDb, { messageId, phoneHash }: { messageId: string, phoneHash: Buffer }, state: 'delivered' | 'failed'): Promise<void> {
  await trx.updateTable('message_recipients')
    .set({
      status: state,
      error_code: state === 'failed' ? 'settled_by_hand' : null,
      error_detail: null,
      [state === 'failed' ? 'failed_at' : 'delivered_at']: sql`now()`,
      updated_at: sql`now()`
    })
    .where('message_id', '=', messageId).where('phone_hash', '=', phoneHash).where('status', '=', 'unknown').execute()
}
