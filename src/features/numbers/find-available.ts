// What numbers are for sale, without those that an organization here is already buying.
import { problem } from '../../errors.js'
import { type AvailableNumber } from '../../providers/carrier.js'
import { type Services } from '../../services.js'
import { claimedAmong } from './queries.js'

/** @throws problem('AREA_CODE_INVALID') @throws problem('CARRIER_UNAVAILABLE') */
export async function findAvailable ({ carrier, registry }: Pick<Services, 'carrier' | 'registry'>, areaCode: string | undefined, limit: number): Promise<AvailableNumber[]> {
  // North American area codes start with 2 to 9.
  if (areaCode !== undefined && !/^[2-9][0-9]{2}$/.test(areaCode)) throw problem('AREA_CODE_INVALID')
  const found = await carrier.availableNumbers({ limit, ...(areaCode === undefined ? {} : { areaCode }) })
  const claimed = await claimedAmong(registry, found.map(({ phoneNumber }) => phoneNumber))
  return found.filter(({ phoneNumber }) => !claimed.has(phoneNumber))
}
