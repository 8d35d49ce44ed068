// Opting out: the person asked for no more texts. It takes effect at once, also on what already waits to be sent.
import { type TenantDb } from '../../tenancy/tenant.js'
import { cancelQueuedFor } from '../messages/cancel-queued.js'
import { type Consent, isWithdrawn, lockConsent, recordConsent, setOptInState } from './consent.js'

export interface ConsentOutcome {
  /** The member with this number; null for someone the organization does not know. */
  memberId: string | null
  /** Whether it was already so before. */
  already: boolean
}

/** In one transaction with whatever confirms it. The words stay on record for a number that no member has yet. */
export async function optOut (trx: TenantDb, consent: Consent): Promise<ConsentOutcome> {
  await lockConsent(trx, consent.phoneHash)
  const already = await isWithdrawn(trx, consent.phoneHash)
  const memberId = await setOptInState(trx, consent.phoneHash, 'opted_out')
  await recordConsent(trx, 'withdrawn', consent)
  await cancelQueuedFor(trx, consent.phoneHash)
  return { memberId, already }
}
