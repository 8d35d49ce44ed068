// The SQL of reading the consent on record.
import { type TenantDb } from '../../tenancy/tenant.js'

export type ConsentRow = Awaited<ReturnType<typeof consentBefore>>[number]

export interface ConsentQueryOf { memberId: string, phoneHash: Buffer, topic?: string | undefined, before?: string | undefined, limit: number }

/** Of the number, whoever had it, and of the member under numbers they had before. The latest first; `before`: id of the last one seen. */
export async function consentBefore (db: TenantDb, { memberId, phoneHash, topic, before, limit }: ConsentQueryOf) {
  return await db.selectFrom('consent_logs').select(['id', 'topic', 'action', 'source', 'evidence', 'phone_hash', 'created_at'])
    .where((eb) => eb.or([eb('phone_hash', '=', phoneHash), eb('member_id', '=', memberId)]))
    .$if(topic !== undefined, (query) => query.where('topic', '=', topic ?? ''))
    .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
    .orderBy('id', 'desc').limit(limit).execute()
}
