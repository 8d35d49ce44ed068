// Takes what is due as fast as the limits allow, and charges their buckets for it, in one transaction.
import { type TenantDb } from '../../tenancy/tenant.js'
import { type BucketLimit, chargeBuckets, type Charge, fillBuckets, numberBucket } from './bucket-queries.js'
import { type ClaimedText, type DueMessage, type Portion, takeTexts } from './claim-queries.js'
import { type Claim } from './claim-texts.js'
import { limitsOf, type RateSettings } from './rates.js'

/**
 * An answer does not wait for a broadcast's tokens: it may overdraw its number's bucket by one filling, and the others without
 * end; broadcasts wait until it is paid back. What is taken and put back untried is not given back: it errs on the slow side.
 */
export async function claimWithinRates (db: TenantDb, claim: Claim, due: readonly DueMessage[], rates: RateSettings): Promise<ClaimedText[]> {
  return await db.transaction().execute(async (trx) => {
    const budget = new Budget(claim, due, rates)
    await budget.open(trx)
    const portions = budget.divide(due)
    const texts = portions.length === 0 ? [] : await takeTexts(trx, claim.token, portions)
    await chargeBuckets(trx, budget.charges(texts), claim.now)
    return texts
  })
}

/** What the buckets hold, while it is handed out. */
class Budget {
  readonly #limits: Map<string, BucketLimit[]>
  #left = new Map<string, number>()

  constructor (private readonly claim: Claim, due: readonly DueMessage[], rates: RateSettings) {
    this.#limits = new Map(due.map(({ from }) => [from, limitsOf(from, rates)]))
  }

  async open (trx: TenantDb): Promise<void> {
    this.#left = await fillBuckets(trx, this.#distinct(), this.claim.now)
  }

  divide (due: readonly DueMessage[]): Portion[] {
    let room = this.claim.limit
    return due.flatMap(({ messageId, from, due, parts }) => {
      const limits = this.#limits.get(from) ?? []
      const available = Math.min(...limits.map((limit) => this.#available(limit)))
      const texts = available < 1 ? 0 : Math.min(due, room, Math.max(Math.floor(available / parts), 1))
      room -= texts
      for (const { name } of limits) this.#left.set(name, (this.#left.get(name) ?? 0) - texts * parts)
      return texts === 0 ? [] : [{ messageId, texts }]
    })
  }

  /** By what really was taken. */
  charges (texts: readonly ClaimedText[]): Charge[] {
    const spent = new Map<string, number>()
    for (const { from, parts } of texts) {
      for (const { name } of this.#limits.get(from) ?? []) spent.set(name, (spent.get(name) ?? 0) + parts)
    }
    return this.#distinct().map((limit) => ({ ...limit, spent: spent.get(limit.name) ?? 0, ...this.#closing(limit) }))
  }

  #available ({ name, capacity }: BucketLimit): number {
    const left = this.#left.get(name) ?? 0
    if (this.claim.traffic === 'broadcasts') return left
    return name.startsWith(numberBucket('broadcasts', '')) ? left + capacity : Infinity
  }

  /** Which bucket is closed once less than one token is left in this one, and how far it may be overdrawn before. */
  #closing ({ name, capacity }: BucketLimit): Pick<Charge, 'closes' | 'overdraft'> {
    const prefix = numberBucket('broadcasts', '')
    if (this.claim.traffic === 'broadcasts') return { closes: name, overdraft: 0 }
    return name.startsWith(prefix) ? { closes: numberBucket('answers', name.slice(prefix.length)), overdraft: capacity } : { closes: null, overdraft: 0 }
  }

  /** In the order of names, in which every claim locks them. */
  #distinct (): BucketLimit[] {
    const byName = new Map([...this.#limits.values()].flat().map((limit) => [limit.name, limit]))
    return [...byName.values()].sort((one, other) => one.name < other.name ? -1 : 1)
  }
}
