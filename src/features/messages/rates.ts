// The limits on how fast texts leave, from the settings: of a sending number, of the campaign, of the brand and of the whole carrier account.
import { type Config } from '../../config.js'
import { type Pace } from '../quiet-hours/pace.js'
import { type BucketLimit, numberBucket } from './bucket-queries.js'
import { type AccountLimit, type SendKind } from './lease-tokens.js'

export type RateSettings = Pick<Config, 'SEND_RATE_LONG_CODE' | 'SEND_RATE_TOLL_FREE' | 'SEND_RATE_CAMPAIGN_PER_MINUTE' | 'SEND_RATE_BRAND_PER_DAY'>
type AccountSettings = Pick<Config, 'SEND_RATE_ACCOUNT_SMS' | 'SEND_RATE_ACCOUNT_MMS'>

const tollFree = /^\+1(800|833|844|855|866|877|888)\d{7}$/

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

/** What all processes together may send; undefined: as much as they like. */
export function accountLimit (kind: SendKind, { SEND_RATE_ACCOUNT_SMS: sms = 50, SEND_RATE_ACCOUNT_MMS: mms = 15 }: AccountSettings): AccountLimit | undefined {
  const perSecond = { sms, mms }[kind]
  return perSecond === 0 ? undefined : { kind, perSecond }
}

/** How fast texts of so many parts leave from this number when nothing else does. */
export function paceOf ({ from, kind, parts }: { from: string, kind: SendKind, parts: number }, config: RateSettings & AccountSettings): Pace {
  const limits = limitsOf(from, config)
  const perSecond = Math.min(...limits.map((limit) => limit.perSecond ?? Infinity), accountLimit(kind, config)?.perSecond ?? Infinity)
  const perDay = Math.min(...limits.map((limit) => limit.perSecond === null ? limit.capacity : Infinity))
  return { perSecond: perSecond / parts, perDay: Math.max(Math.floor(perDay / parts), 1) }
}
