// The lines in front of one server's databases: whoever joins one is served, sent away, or leaves when the time is up.
import { type BudgetAccount, type Slot, type Waiter } from './budget-account.js'
import { BudgetWaitExceeded } from './budget-refusals.js'
import { type Timing } from './timing.js'

export class WaitingLines<C> {
  #waiting = 0
  #waitsExceeded = 0

  /** `left` is told of a line that somebody left unserved, or that was sent away; `waited` how long each stood there, in milliseconds. */
  constructor (
    readonly waitMs: number,
    readonly timing: Timing,
    readonly left: (account: BudgetAccount<C>) => void,
    readonly waited: (ms: number) => void
  ) {}

  get waiting (): number { return this.#waiting }

  get waitsExceeded (): number { return this.#waitsExceeded }

  /** Rejects with BudgetWaitExceeded after `waitMs`, or with the reason for which the line is sent away. */
  join (account: BudgetAccount<C>, now: number): Promise<Slot<C>> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.timing.after(this.waitMs, () => {
        if (!account.settle(waiter)) return
        this.#waiting--
        this.#waitsExceeded++
        this.waited(this.timing.now() - now)
        this.left(account)
        reject(new BudgetWaitExceeded(`No connection to ${account.name} became free within ${this.waitMs} ms`))
      })
      const leave = (): void => {
        cancelTimer()
        this.waited(this.timing.now() - now)
      }
      const waiter: Waiter<C> = {
        since: now,
        settled: false,
        grant: (slot) => { leave(); resolve(slot) },
        refuse: (reason) => { leave(); reject(reason) }
      }
      account.enqueue(waiter)
      this.#waiting++
    })
  }

  /** Hands a busy connection to the first in its own database's line; false when nobody stands there. */
  serve (slot: Slot<C>): boolean {
    const waiter = slot.account.nextWaiter()
    if (waiter === undefined) return false
    this.#waiting--
    slot.streak++
    waiter.grant(slot)
    return true
  }

  sendAway (account: BudgetAccount<C>, reason: Error): void {
    for (let waiter = account.nextWaiter(); waiter !== undefined; waiter = account.nextWaiter()) {
      this.#waiting--
      waiter.refuse(reason)
    }
    this.left(account)
  }
}
