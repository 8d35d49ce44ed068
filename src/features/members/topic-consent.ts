// Consent to one topic, as a condition in other features' queries. Without consent to texts in general none counts.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { GENERAL } from './consent.js'

/** Why a message of a topic does not go to a member: they withdrew it, or they never asked for it. As their errorCode says it. */
export const topicRefusals = ['topic_opted_out', 'topic_not_opted_in'] as const
export type TopicRefusal = typeof topicRefusals[number]

export interface TopicQuestion {
  /** Of the member, as the query calls them. */
  memberId: RawBuilder<unknown>
  phoneHash: RawBuilder<unknown>
  /** A topic's name, or a column. */
  topic: string | RawBuilder<unknown>
}

/**
 * SQL for null or the reason. Beside the member's general consent, which is looked at for itself. The number's last word on the topic
 * counts, but a grant that an admin put on record only for the member it was put on record for, as in `stateOnRecord`. An opt-out
 * from texts in general closes every topic: START opens texts in general, and each topic needs a grant after it.
 */
export function topicRefusal ({ memberId, phoneHash, topic }: TopicQuestion): RawBuilder<TopicRefusal | null> {
  if (topic === GENERAL) return sql`NULL::text`
  const general = sql.lit(GENERAL)
  return sql<TopicRefusal | null>`CASE WHEN ${topic} <> ${general} THEN nullif(coalesce((
    SELECT CASE WHEN c.action = 'granted' THEN '' WHEN c.topic = ${general} THEN 'topic_not_opted_in' ELSE 'topic_opted_out' END FROM consent_logs c
    WHERE c.phone_hash = ${phoneHash} AND CASE c.topic
      WHEN ${topic} THEN c.action <> 'granted' OR c.source = 'keyword' OR c.member_id = ${memberId}
      WHEN ${general} THEN c.action <> 'granted'
      ELSE false
    END ORDER BY c.id DESC LIMIT 1
  ), 'topic_not_opted_in'), '') END`
}

/** Of whoever has this number now. */
export async function refusesTopic (db: TenantDb, phoneHash: Buffer, topic: string): Promise<boolean> {
  const hash = sql`${phoneHash}::bytea`
  const memberId = sql`(SELECT id FROM members WHERE phone_hash = ${hash} AND deleted_at IS NULL)`
  const { rows: [row] } = await sql<{ refusal: TopicRefusal | null }>`SELECT ${topicRefusal({ memberId, phoneHash: hash, topic })} AS refusal`.execute(db)
  return row?.refusal != null
}
