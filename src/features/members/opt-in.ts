// Opting in by the person's own word, such as START: it outranks whatever they said before.
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Consent, lastWord, lockConsent, recordConsent, setOptInState } from './consent.js'
import { type ConsentOutcome } from './opt-out.js'

/** After an opt-out the database wants a START of theirs in `evidence.providerMessageId`. For the word of an admin see admins-word.ts. */
export async function optIn (trx: TenantDb, consent: Consent): Promise<ConsentOutcome> {
  await lockConsent(trx, consent.phoneHash)
  const already = (await lastWord(trx, consent.phoneHash))?.action === 'granted'
  await recordConsent(trx, 'granted', consent)
  return { memberId: await setOptInState(trx, consent.phoneHash, 'opted_in'), already }
}
