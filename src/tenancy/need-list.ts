// Which databases deserve one more connection than they have, looked at again while their lines grow older.
import { type BudgetAccount } from './budget-account.js'
import { type BudgetLimits, deservesConnection } from './budget-policy.js'
import { type SlotLedger } from './slot-ledger.js'
import { type Timing } from './timing.js'

const GROWTH_CHECK_MS = 5

export class NeedList<C> {
  readonly #accounts = new Set<BudgetAccount<C>>()
  /** Accounts that have connections and a line as well: looked at every few milliseconds. */
  readonly #crowded = new Set<BudgetAccount<C>>()
  #growthTimer: (() => void) | undefined

  /** `reviewed` follows each look at the crowded accounts. */
  constructor (readonly ledger: SlotLedger<C>, readonly limits: BudgetLimits, readonly timing: Timing, readonly reviewed: () => void) {}

  get accounts (): ReadonlySet<BudgetAccount<C>> { return this.#accounts }

  get size (): number { return this.#accounts.size }

  /** Puts the account on the list or takes it off, as its line now deserves. */
  consider (account: BudgetAccount<C>): void {
    this.#accounts.delete(account)
    // Places that are free and not already wanted by those who have none.
    const room = this.limits.connections - this.ledger.used > this.#accounts.size
    if (deservesConnection(account, this.limits, room, this.timing.now())) this.#accounts.add(account)
    if (account.waiting > 0 && account.live > 0) this.#watchGrowth(account)
    else this.#crowded.delete(account)
  }

  /** Looks again at those whose need is for a further connection: meanwhile their line, or the room, may be gone. */
  reconsiderFurther (): void {
    for (const account of [...this.#accounts]) if (account.live > 0) this.consider(account)
  }

  /** A connection for it is on its way. */
  remove (account: BudgetAccount<C>): void {
    this.#accounts.delete(account)
  }

  /** How many are in need besides this one. */
  sizeWithout (account: BudgetAccount<C>): number {
    return this.#accounts.size - (this.#accounts.has(account) ? 1 : 0)
  }

  #watchGrowth (account: BudgetAccount<C>): void {
    this.#crowded.add(account)
    this.#growthTimer ??= this.timing.after(GROWTH_CHECK_MS, () => {
      this.#growthTimer = undefined
      for (const crowded of [...this.#crowded]) this.consider(crowded)
      this.reviewed()
    })
  }
}
