// The number that texts go out from when none is chosen: the one bought first that works.
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { oldestActiveNumber } from './queries.js'

/** @throws problem('NO_SENDING_NUMBER') */
export async function defaultSender (db: TenantDb): Promise<{ number: string }> {
  const found = await oldestActiveNumber(db)
  if (found === undefined) throw problem('NO_SENDING_NUMBER')
  return found
}
