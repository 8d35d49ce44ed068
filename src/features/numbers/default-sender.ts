// The number that texts go out from when none is chosen: the one bought first that works.
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { isActiveNumber, oldestActiveNumber } from './queries.js'

/** Undefined when there is none, for what can do without. */
export async function findDefaultSender (db: TenantDb): Promise<{ number: string } | undefined> {
  return await oldestActiveNumber(db)
}

/** @throws problem('NO_SENDING_NUMBER') */
export async function defaultSender (db: TenantDb): Promise<{ number: string }> {
  const found = await findDefaultSender(db)
  if (found === undefined) throw problem('NO_SENDING_NUMBER')
  return found
}

/** The number itself as long as it works, else the default one. @throws problem('NO_SENDING_NUMBER') */
export async function senderFor (db: TenantDb, number: string): Promise<{ number: string }> {
  return await isActiveNumber(db, number) ? { number } : defaultSender(db)
}
