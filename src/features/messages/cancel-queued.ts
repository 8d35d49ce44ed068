// Takes what waits for a person out of the outbox: the part of an opt-out that belongs to messages.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { finishMessages } from './finish-messages.js'

/** With `topic` of that topic's messages alone. What a worker has claimed is on its way to the carrier and stays. @returns how many texts were cancelled */
export async function cancelQueuedFor (trx: TenantDb, phoneHash: Buffer, topic?: string): Promise<number> {
  return await cancelQueued(trx, sql`q.phone_hash = ${phoneHash}`, topic)
}

/** The same for many people at once, of all topics. */
export async function cancelQueuedForAll (trx: TenantDb, phoneHashes: readonly Buffer[]): Promise<number> {
  return await cancelQueued(trx, sql`q.phone_hash = ANY (${phoneHashes}::bytea[])`)
}

async function cancelQueued (trx: TenantDb, whose: RawBuilder<unknown>, topic?: string): Promise<number> {
  const ofTopic: RawBuilder<unknown> = topic === undefined ? sql`true` : sql`m.topic = ${topic}`
  const { rows } = await sql`
    WITH gone AS (
      DELETE FROM message_queue q USING messages m WHERE m.id = q.message_id AND ${whose} AND q.claim_token IS NULL AND ${ofTopic}
      RETURNING q.message_id, q.phone_hash
    )
    UPDATE message_recipients r SET status = 'cancelled', error_code = ${topic === undefined ? 'opted_out' : 'topic_opted_out'}, updated_at = now()
    FROM gone WHERE r.message_id = gone.message_id AND r.phone_hash = gone.phone_hash AND r.status = 'queued'
    RETURNING r.message_id`.execute(trx)
  if (rows.length > 0) await finishMessages(trx)
  return rows.length
}
