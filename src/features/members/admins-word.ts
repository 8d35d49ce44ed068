// Consent that an admin puts on record for someone: it opens what was never asked, and never what the person has closed.
import { problem } from '../../errors.js'
import { type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Consent, GENERAL, isWithdrawn, lockConsent, recordConsent, setOptInState } from './consent.js'
import { type OptIn } from './schemas.js'

/** With who put it on record, whence and in which request. */
export function adminsWord (phoneHash: Buffer, { source, note }: OptIn, by: RequestedBy): Consent {
  return { phoneHash, source, evidence: { note: note ?? null, adminId: by.adminId, ip: by.ip, requestId: by.requestId } }
}

/** To texts in general or to one topic. @throws problem('MEMBER_OPTED_OUT') whatever the topic: STOP outranks all of them */
export async function optInOnWord (trx: TenantDb, consent: Consent): Promise<void> {
  await lockConsent(trx, consent.phoneHash)
  if (await isWithdrawn(trx, consent.phoneHash)) throw problem('MEMBER_OPTED_OUT')
  await recordConsent(trx, 'granted', consent)
  if ((consent.topic ?? GENERAL) === GENERAL) await setOptInState(trx, consent.phoneHash, 'opted_in')
}
