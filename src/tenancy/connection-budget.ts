// The hard cap on physical connections to one database server, shared fairly by all databases on it.
import { BudgetAccount, type Connector, type Slot } from './budget-account.js'
import { type BudgetLimits, QUANTUM, chooseNext, chooseVictim } from './budget-policy.js'
import { AccountDraining } from './budget-refusals.js'
import { NeedList } from './need-list.js'
import { alwaysOpen, type OpeningGate } from './opening-gate.js'
import { SlotLedger, type LedgerStats } from './slot-ledger.js'
import { type Timing } from './timing.js'
import { WaitingLines } from './waiting-lines.js'

export interface BudgetStats extends LedgerStats {
  waiting: number
  steals: number
  waitsExceeded: number
}

/** The server never sees more connections than `limits.connections`, those on their way in and out included. */
export class ConnectionBudget<C> {
  readonly #ledger = new SlotLedger<C>()
  readonly #lines: WaitingLines<C>
  readonly #need: NeedList<C>
  readonly #limits: { -readonly [Name in keyof BudgetLimits]: BudgetLimits[Name] }
  #steals = 0

  /** `waited` is told of everyone who stood in line, served or not: for how many milliseconds. */
  constructor (limits: BudgetLimits, readonly timing: Timing, readonly gate: OpeningGate = alwaysOpen, waited: (ms: number) => void = () => undefined) {
    this.#limits = { ...limits }
    this.#need = new NeedList(this.#ledger, this.#limits, timing, () => { this.#pump() })
    this.#lines = new WaitingLines(limits.waitMs, timing, (account) => {
      this.#need.consider(account)
      account.announceEmpty()
    }, waited)
  }

  get limits (): BudgetLimits { return this.#limits }

  /** From now on so many connections. Beyond that idle ones are closed now, busy ones as they are given back. */
  resize (connections: number): void {
    this.#limits.connections = connections
    while (this.#isBeyondLimit) {
      const slot = chooseVictim(this.#ledger.withIdle, this.timing.now())?.idle[0]
      if (slot === undefined) break
      this.#close(slot)
    }
    this.#pump()
  }

  /** A new account; accounts of the same name are separate (an old one may still be draining). */
  account (name: string, connector: Connector<C>): BudgetAccount<C> {
    return new BudgetAccount(name, connector)
  }

  /**
   * A connection of the account's database, charged to the caller until `release`.
   * Rejects with BudgetWaitExceeded, AccountDraining, the gate's refusal, or the error of the opening.
   * `worth`: as how many requests the database counts from now on when it is decided who loses a connection.
   */
  async acquire (account: BudgetAccount<C>, worth?: number): Promise<Slot<C>> {
    if (account.draining) throw new AccountDraining(account.name)
    const now = this.timing.now()
    account.countRequest(now, worth)
    const slot = this.#ledger.takeIdle(account)
    if (slot !== undefined) return slot
    if (account.live === 0) {
      const refusal = this.gate.refusal()
      if (refusal !== undefined) throw refusal
    }
    const granted = this.#lines.join(account, now)
    this.#need.consider(account)
    this.#pump()
    return await granted
  }

  /** Gives a connection back. With `reusable` false (open transaction, broken) it is closed, and charged until it is gone. */
  release (slot: Slot<C>, reusable = true): void {
    if (slot.state !== 'busy') return
    const { account } = slot
    if (!reusable || slot.broken || (account.draining && account.waiting === 0) || this.#isBeyondLimit || this.#isOwedToOthers(slot)) {
      this.#close(slot)
    } else if (!this.#lines.serve(slot)) {
      this.#ledger.rest(slot)
    }
    this.#need.consider(account)
    this.#pump()
  }

  /** The connection broke by itself: an idle one is closed now, a busy one when it is released. */
  lost (slot: Slot<C>): void {
    slot.broken = true
    if (slot.state !== 'idle') return
    this.#close(slot)
    this.#pump()
  }

  /**
   * Lets what is in flight finish, starts nothing new, closes the rest; resolves when the last connection is gone.
   * Whoever stands in line is served first, or with `refuseLine` sent away with AccountDraining.
   */
  async drain (account: BudgetAccount<C>, refuseLine: boolean): Promise<void> {
    account.draining = true
    if (refuseLine) this.#lines.sendAway(account, new AccountDraining(account.name))
    for (const slot of [...account.idle]) this.#close(slot)
    this.#pump()
    await account.empty()
  }

  stats (): BudgetStats {
    return { ...this.#ledger.stats(), waiting: this.#lines.waiting, steals: this.#steals, waitsExceeded: this.#lines.waitsExceeded }
  }

  /** Accounts in need of a connection, for tests of the invariants. */
  get inNeed (): ReadonlySet<BudgetAccount<C>> { return this.#need.accounts }

  /** Opens for those in need, or closes idle connections to make place for them. */
  #pump (): void {
    const [need, ledger] = [this.#need, this.#ledger]
    if (need.size === 0 || ledger.turning >= this.limits.churn) return
    need.reconsiderFurther()
    while (ledger.turning < this.limits.churn) {
      // Each closing under way is a place already on its way to somebody.
      if (need.size === 0) return
      if (ledger.used < this.limits.connections) {
        const next = chooseNext(need.accounts, this.timing.now())
        if (next === undefined || !this.#open(next)) return
      } else {
        if (need.size <= ledger.closing) return
        const slot = chooseVictim(ledger.withIdle, this.timing.now())?.idle[0]
        if (slot === undefined) return
        this.#steals++
        this.#close(slot)
      }
    }
  }

  #open (account: BudgetAccount<C>): boolean {
    if (!this.gate.mayOpen()) {
      const refusal = this.gate.refusal()
      if (refusal !== undefined) this.#refuseNeedy(refusal)
      return false
    }
    this.#need.remove(account)
    this.#ledger.beginOpening(account)
    let slot: Slot<C> | undefined
    account.connector.open(() => { if (slot !== undefined) this.lost(slot) }).then(
      (connection) => {
        this.gate.opened()
        slot = this.#ledger.opened(account, connection)
        this.release(slot)
      },
      (error: unknown) => { this.#openFailed(account, error instanceof Error ? error : new Error(String(error))) }
    )
    return true
  }

  #openFailed (account: BudgetAccount<C>, error: Error): void {
    this.gate.failed(error)
    this.#ledger.openingFailed(account)
    // With another connection at work, those in line can still be served by it.
    if (account.live === 0) this.#lines.sendAway(account, error)
    this.#vacated(account)
  }

  #close (slot: Slot<C>): void {
    this.#ledger.beginClosing(slot)
    const gone = (): void => {
      this.#ledger.closed(slot)
      this.#vacated(slot.account)
    }
    slot.account.connector.close(slot.connection).then(gone, gone)
  }

  #vacated (account: BudgetAccount<C>): void {
    account.announceEmpty()
    this.#need.consider(account)
    this.#pump()
  }

  #refuseNeedy (reason: Error): void {
    for (const account of [...this.#need.accounts]) {
      if (account.live === 0) this.#lines.sendAway(account, reason)
    }
  }

  get #isBeyondLimit (): boolean { return this.#ledger.used - this.#ledger.closing > this.#limits.connections }

  /** True when this connection has served its own line long enough and another database has nothing coming. */
  #isOwedToOthers (slot: Slot<C>): boolean {
    if (slot.streak < QUANTUM || slot.account.waiting === 0) return false
    if (this.#ledger.withIdle.size > 0 || this.#ledger.used < this.limits.connections) return false
    if (this.#ledger.turning >= this.limits.churn) return false
    return this.#need.sizeWithout(slot.account) > this.#ledger.closing
  }
}
