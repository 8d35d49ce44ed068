// What failed because its number has sent too much: reported after the carrier had taken the text, it slows the number as a refusal at once does.
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { closeBucketsOf } from './bucket-queries.js'
import { type DeliveryEvent } from './states.js'

/** Doing it again changes nothing: a report that is late, or comes twice, closes for what is left of its time. */
export async function heedSlowdowns ({ carrier, clock }: Pick<Services, 'carrier' | 'clock'>, db: TenantDb, events: readonly DeliveryEvent[]): Promise<void> {
  const now = clock.now().getTime()
  const slowdowns = events.flatMap(({ messageId, status, errorCode, occurredAt }) => {
    const ms = status === 'failed' ? carrier.slowingFailures.get(errorCode ?? '') : undefined
    // The time is the carrier's: one ahead of ours is not believed.
    const until = ms === undefined ? 0 : Math.min(occurredAt.getTime(), now) + ms
    return until > now ? [{ messageId, until: new Date(until) }] : []
  })
  if (slowdowns.length > 0) await closeBucketsOf(db, slowdowns)
}
