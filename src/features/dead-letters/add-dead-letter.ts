// Puts what failed for good where a person looks.
import { type FieldCrypto } from '../../crypto/fields.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { recordEvents } from '../events/record-event.js'
import { insertDeadLetter, type NewDeadLetter } from './queries.js'

export interface Failure extends Pick<NewDeadLetter, 'category' | 'source' | 'attempts'> {
  /** What went wrong, for an admin; names nobody. */
  error: string
  /** What it was about, kept encrypted; null when there is nothing to show. */
  payload: string | null
}

const longestError = 500

/** `source`: what it came from, such as `telnyx:123`; adding it again changes nothing. Texts come by `watchUnknown`. @returns whether it is new */
export async function addDeadLetter (trx: TenantDb, fields: FieldCrypto, { payload, error, ...failure }: Failure): Promise<boolean> {
  const isNew = await insertDeadLetter(trx, { ...failure, error: error.slice(0, longestError), payloadCipher: payload === null ? null : fields.encrypt(payload) })
  if (isNew) await recordEvents(trx, [{ type: 'dead_letter.added', data: { count: 1 } }])
  return isNew
}
