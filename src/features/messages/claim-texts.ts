// Takes what is due from the outbox, the lower lane and the older message first.
import { type RawBuilder } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type ClaimedText, type DueMessage, type Portion, readDue, takeTexts } from './claim-queries.js'
import { claimWithinRates } from './claim-within-rates.js'
import { limitsOf, type RateSettings } from './rates.js'
import { type Traffic } from './traffic.js'

/** `now`: by which buckets are filled and opened. */
export interface Claim { token: string, traffic: Traffic, limit: number, now: RawBuilder<Date> }

/** At most `limit` texts, committed as `sending` under `token`; what another run holds is passed over. */
export async function claimTexts (db: TenantDb, claim: Claim, rates: RateSettings): Promise<ClaimedText[]> {
  const { token, limit } = claim
  const due = await readDue(db, claim)
  if (due.some(({ from }) => limitsOf(from, rates).length > 0)) return await claimWithinRates(db, claim, due, rates)
  const portions = divide(due, limit)
  return portions.length === 0 ? [] : await takeTexts(db, token, portions)
}

function divide (messages: readonly DueMessage[], limit: number): Portion[] {
  let left = limit
  return messages.flatMap(({ messageId, due }) => {
    const texts = Math.min(due, left)
    left -= texts
    return texts === 0 ? [] : [{ messageId, texts }]
  })
}
