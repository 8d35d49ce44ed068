// The limits on how fast texts leave, from the settings: of a sending number, of the campaign and of the brand.
import { type Config } from '../../config.js'
import { type BucketLimit, numberBucket } from './bucket-queries.js'

export type RateSettings = Pick<Config, 'SEND_RATE_LONG_CODE' | 'SEND_RATE_TOLL_FREE' | 'SEND_RATE_CAMPAIGN_PER_MINUTE' | 'SEND_RATE_BRAND_PER_DAY'>

const tollFree = /^\+1(800|833|844|855|866|877|888)\d{7}$/
const daySeconds = 86_400

/** Those that a text from this number, E.164, is subject to. A bucket holds half a second's worth, so that a pause earns no flood. */
export function limitsOf (from: string, config: RateSettings): BucketLimit[] {
  const paced = (name: string, perSecond: number): BucketLimit[] => perSecond === 0 ? [] : [{ name, perSecond, capacity: Math.max(perSecond / 2, 1) }]
  const perDay = config.SEND_RATE_BRAND_PER_DAY
  return [
    ...paced(numberBucket('broadcasts', from), tollFree.test(from) ? config.SEND_RATE_TOLL_FREE : config.SEND_RATE_LONG_CODE),
    ...paced('campaign', config.SEND_RATE_CAMPAIGN_PER_MINUTE / 60),
    ...perDay === 0 ? [] : [{ name: 'brand', perSecond: null, capacity: perDay }]
  ]
}

/**
 * How long so many parts take from this number, in seconds, at its limits alone: when nothing else leaves and the day's share is
 * untouched.
 */
export function sendingTime ({ parts }: { parts: number }, from: string, config: RateSettings): number {
  const limits = limitsOf(from, config)
  const perSecond = Math.min(...limits.map((limit) => limit.perSecond ?? Infinity))
  const perDay = Math.min(...limits.map((limit) => limit.perSecond === null ? limit.capacity : Infinity))
  const fullDays = Math.max(Math.ceil(parts / perDay) - 1, 0)
  return fullDays * daySeconds + (fullDays === 0 ? parts : parts - fullDays * perDay) / perSecond
}
