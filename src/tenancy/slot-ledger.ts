// Every connection to one database server by its state: what is charged to the budget, in all and to each database.
import { type BudgetAccount, type Slot } from './budget-account.js'

export interface LedgerStats {
  used: number
  opening: number
  busy: number
  idle: number
  closing: number
  opens: number
  openFailures: number
}

/** A slot is opening → busy ⇄ idle → closing → gone and is charged all the way. */
export class SlotLedger<C> {
  readonly #withIdle = new Set<BudgetAccount<C>>()
  #opening = 0
  #busy = 0
  #idle = 0
  #closing = 0
  #opens = 0
  #openFailures = 0

  get used (): number { return this.#opening + this.#busy + this.#idle + this.#closing }

  get closing (): number { return this.#closing }

  /** Openings and closings under way. */
  get turning (): number { return this.#opening + this.#closing }

  /** The databases that have an idle connection. */
  get withIdle (): ReadonlySet<BudgetAccount<C>> { return this.#withIdle }

  beginOpening (account: BudgetAccount<C>): void {
    this.#opening++
    this.#opens++
    account.opening++
    account.physical++
  }

  /** The new connection, busy. */
  opened (account: BudgetAccount<C>, connection: C): Slot<C> {
    this.#opening--
    account.opening--
    this.#busy++
    return { account, connection, state: 'busy', streak: -1, broken: false }
  }

  openingFailed (account: BudgetAccount<C>): void {
    this.#opening--
    this.#openFailures++
    account.opening--
    account.physical--
  }

  /** The database's most recently used idle connection, busy from now on. */
  takeIdle (account: BudgetAccount<C>): Slot<C> | undefined {
    const slot = account.idle.pop()
    if (slot === undefined) return undefined
    if (account.idle.length === 0) this.#withIdle.delete(account)
    this.#idle--
    this.#busy++
    slot.state = 'busy'
    return slot
  }

  rest (slot: Slot<C>): void {
    const { account } = slot
    slot.streak = 0
    slot.state = 'idle'
    this.#busy--
    this.#idle++
    account.idle.push(slot)
    this.#withIdle.add(account)
  }

  /** From busy or idle. */
  beginClosing (slot: Slot<C>): void {
    const { account } = slot
    if (slot.state === 'idle') {
      account.idle.splice(account.idle.indexOf(slot), 1)
      if (account.idle.length === 0) this.#withIdle.delete(account)
      this.#idle--
    } else {
      this.#busy--
    }
    slot.state = 'closing'
    this.#closing++
    account.closing++
  }

  closed (slot: Slot<C>): void {
    const { account } = slot
    slot.state = 'gone'
    this.#closing--
    account.closing--
    account.physical--
  }

  stats (): LedgerStats {
    return {
      used: this.used,
      opening: this.#opening,
      busy: this.#busy,
      idle: this.#idle,
      closing: this.#closing,
      opens: this.#opens,
      openFailures: this.#openFailures
    }
  }
}
