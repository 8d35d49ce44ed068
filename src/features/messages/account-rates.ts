// The carrier account's limits as a slice meets them: a broadcast's text waits for its tokens, an answer takes them in advance.
import { type Services } from '../../services.js'
import { AccountPace, type Party } from './account-pace.js'
import { type ClaimedText } from './claim-queries.js'
import { leaseTokens, type SendKind } from './lease-tokens.js'
import { accountLimit } from './rates.js'
import { type Traffic } from './traffic.js'

export interface Permits {
  /** Whether it may leave now. @throws when that can't be found out */
  ask: (text: Pick<ClaimedText, 'mediaUrls' | 'mediaIds' | 'parts'>) => Promise<boolean>
  /** Whoever waits hears no. */
  release: () => void
}

/** Of one process. */
export class AccountRates {
  readonly #paces: Readonly<Record<SendKind, AccountPace | undefined>>

  constructor (services: Pick<Services, 'registry' | 'config' | 'log'>) {
    this.#paces = { sms: paceOf('sms', services), mms: paceOf('mms', services) }
  }

  /** For one slice, whose texts wait so many milliseconds each at the longest. */
  permits (traffic: Traffic, waitMs: number): Permits {
    const party: Party = {}
    return {
      ask: async ({ mediaUrls, mediaIds, parts }) => {
        const pace = this.#paces[mediaUrls.length + mediaIds.length > 0 ? 'mms' : 'sms']
        if (pace === undefined) return true
        if (traffic === 'broadcasts') return await pace.take(parts, party, waitMs)
        pace.takeInAdvance(parts)
        return true
      },
      release: () => { for (const pace of Object.values(this.#paces)) pace?.release(party) }
    }
  }
}

function paceOf (kind: SendKind, { registry, config, log }: Pick<Services, 'registry' | 'config' | 'log'>): AccountPace | undefined {
  const limit = accountLimit(kind, config)
  if (limit === undefined) return undefined
  return new AccountPace({ perSecond: limit.perSecond, lease: (order) => leaseTokens(registry, limit, order), log })
}
