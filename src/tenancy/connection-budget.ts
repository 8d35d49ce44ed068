// The hard cap on physical connections to one database server, shared fairly by all databases on it.
import { BudgetAccount, type Connector, type Slot, type Waiter } from './budget-account.js'
import { type BudgetLimits, QUANTUM, chooseNext, chooseVictim, deservesConnection } from './budget-policy.js'

/** Milliseconds from any fixed origin, and one-shot timers: a virtual one in tests. */
export interface Timing {
  now (): number
  after (ms: number, run: () => void): () => void
}

/** Decides whether opening is worth trying: the server's breaker. */
export interface OpeningGate {
  /** Why a request that needs a new connection is refused now; undefined when it may wait for one. */
  refusal (): Error | undefined
  /** Asked before each opening; true commits to report `opened` or `failed` for it. */
  mayOpen (): boolean
  opened (): void
  failed (error: Error): void
}

export interface BudgetStats {
  used: number
  opening: number
  busy: number
  idle: number
  closing: number
  waiting: number
  opens: number
  steals: number
  openFailures: number
  waitsExceeded: number
}

/** The wait ended without a connection. */
export class BudgetWaitExceeded extends Error {
  override name = 'BudgetWaitExceeded'
}

/** The database's account is being closed: whoever waits has to look the tenant up again. */
export class AccountDraining extends Error {
  override name = 'AccountDraining'
}

const GROWTH_CHECK_MS = 5
const alwaysOpen: OpeningGate = { refusal: () => undefined, mayOpen: () => true, opened: () => undefined, failed: () => undefined }

/**
 * A slot is OPENING → busy ⇄ idle → closing → gone and is charged all the way, so the server never sees more
 * connections than `limits.connections`.
 */
export class ConnectionBudget<C> {
  readonly #need = new Set<BudgetAccount<C>>()
  readonly #withIdle = new Set<BudgetAccount<C>>()
  /** Accounts that have connections and a line as well: looked at every few milliseconds. */
  readonly #crowded = new Set<BudgetAccount<C>>()
  #growthTimer: (() => void) | undefined
  #busy = 0
  #idle = 0
  #opening = 0
  #closing = 0
  #waiting = 0
  #opens = 0
  #steals = 0
  #openFailures = 0
  #waitsExceeded = 0

  constructor (readonly limits: BudgetLimits, readonly timing: Timing, readonly gate: OpeningGate = alwaysOpen) {}

  get used (): number { return this.#opening + this.#busy + this.#idle + this.#closing }

  /** A new account; accounts of the same name are separate (an old one may still be draining). */
  account (name: string, connector: Connector<C>): BudgetAccount<C> {
    return new BudgetAccount(name, connector)
  }

  /**
   * A connection of the account's database, charged to the caller until `release`.
   * Rejects with BudgetWaitExceeded, AccountDraining, the gate's refusal, or the error of the opening.
   */
  async acquire (account: BudgetAccount<C>): Promise<Slot<C>> {
    if (account.draining) throw new AccountDraining(`${account.name} is being closed`)
    const now = this.timing.now()
    account.countRequest(now)
    const slot = account.idle.pop()
    if (slot !== undefined) {
      if (account.idle.length === 0) this.#withIdle.delete(account)
      this.#idle--
      this.#busy++
      slot.state = 'busy'
      return slot
    }
    if (account.live === 0) {
      const refusal = this.gate.refusal()
      if (refusal !== undefined) throw refusal
    }
    return await this.#wait(account, now)
  }

  /** Gives a connection back. With `reusable` false (open transaction, broken) it is closed, and charged until it is gone. */
  release (slot: Slot<C>, reusable = true): void {
    if (slot.state !== 'busy') return
    const { account } = slot
    if (!reusable || slot.broken || (account.draining && account.waiting === 0) || this.#isOwedToOthers(slot)) {
      this.#close(slot)
    } else {
      this.#offer(slot)
    }
    this.#consider(account)
    this.#pump()
  }

  /** The connection broke by itself: an idle one is closed now, a busy one when it is released. */
  lost (slot: Slot<C>): void {
    slot.broken = true
    if (slot.state !== 'idle') return
    this.#takeFromIdle(slot)
    this.#close(slot)
    this.#pump()
  }

  /**
   * Lets what is in flight finish, starts nothing new, closes the rest; resolves when the last connection is gone.
   * Whoever stands in line is served first, or with `refuseLine` sent away with AccountDraining.
   */
  async drain (account: BudgetAccount<C>, refuseLine: boolean): Promise<void> {
    account.draining = true
    if (refuseLine) this.#refuseWaiters(account, new AccountDraining(`${account.name} is being closed`))
    for (const slot of [...account.idle]) {
      this.#takeFromIdle(slot)
      this.#close(slot)
    }
    this.#pump()
    if (account.physical > 0 || account.waiting > 0) await new Promise<void>((resolve) => account.onEmpty.push(resolve))
  }

  stats (): BudgetStats {
    return {
      used: this.used,
      opening: this.#opening,
      busy: this.#busy,
      idle: this.#idle,
      closing: this.#closing,
      waiting: this.#waiting,
      opens: this.#opens,
      steals: this.#steals,
      openFailures: this.#openFailures,
      waitsExceeded: this.#waitsExceeded
    }
  }

  /** Accounts in need of a connection, for tests of the invariants. */
  get inNeed (): ReadonlySet<BudgetAccount<C>> { return this.#need }

  #wait (account: BudgetAccount<C>, now: number): Promise<Slot<C>> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.timing.after(this.limits.waitMs, () => {
        if (!this.#settle(account, waiter)) return
        this.#waitsExceeded++
        reject(new BudgetWaitExceeded(`No connection to ${account.name} became free within ${this.limits.waitMs} ms`))
      })
      const waiter: Waiter<C> = {
        since: now,
        settled: false,
        grant: (slot) => { cancelTimer(); resolve(slot) },
        refuse: (reason) => { cancelTimer(); reject(reason) }
      }
      account.enqueue(waiter)
      this.#waiting++
      this.#consider(account)
      this.#pump()
    })
  }

  #settle (account: BudgetAccount<C>, waiter: Waiter<C>): boolean {
    if (!account.settle(waiter)) return false
    this.#waiting--
    this.#consider(account)
    this.#announceEmpty(account)
    return true
  }

  /** Puts the account on the need list or takes it off, as its line now deserves. */
  #consider (account: BudgetAccount<C>): void {
    this.#need.delete(account)
    // Places that are free and not already wanted by those who have none.
    const room = this.limits.connections - this.used > this.#need.size
    if (deservesConnection(account, this.limits, room, this.timing.now())) this.#need.add(account)
    if (account.waiting > 0 && account.live > 0) this.#watchGrowth(account)
    else this.#crowded.delete(account)
  }

  #watchGrowth (account: BudgetAccount<C>): void {
    this.#crowded.add(account)
    this.#growthTimer ??= this.timing.after(GROWTH_CHECK_MS, () => {
      this.#growthTimer = undefined
      for (const crowded of [...this.#crowded]) this.#consider(crowded)
      this.#pump()
    })
  }

  /** Opens for those in need, or closes idle connections to make place for them. */
  #pump (): void {
    if (this.#need.size === 0 || this.#opening + this.#closing >= this.limits.churn) return
    for (const account of [...this.#need]) if (account.live > 0) this.#consider(account)
    while (this.#opening + this.#closing < this.limits.churn) {
      // Each closing under way is a place already on its way to somebody.
      if (this.#need.size === 0) return
      if (this.used < this.limits.connections) {
        const next = chooseNext(this.#need, this.timing.now())
        if (next === undefined || !this.#open(next)) return
      } else {
        if (this.#need.size <= this.#closing) return
        const slot = chooseVictim(this.#withIdle, this.timing.now())?.idle[0]
        if (slot === undefined) return
        this.#takeFromIdle(slot)
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
    this.#need.delete(account)
    this.#opening++
    account.opening++
    account.physical++
    this.#opens++
    let slot: Slot<C> | undefined
    account.connector.open(() => { if (slot !== undefined) this.lost(slot) }).then(
      (connection) => { slot = this.#opened(account, connection) },
      (error: unknown) => this.#openFailed(account, error instanceof Error ? error : new Error(String(error)))
    )
    return true
  }

  #opened (account: BudgetAccount<C>, connection: C): Slot<C> {
    this.gate.opened()
    this.#opening--
    account.opening--
    this.#busy++
    const slot: Slot<C> = { account, connection, state: 'busy', streak: -1, broken: false }
    this.release(slot)
    return slot
  }

  #openFailed (account: BudgetAccount<C>, error: Error): void {
    this.gate.failed(error)
    this.#opening--
    account.opening--
    this.#openFailures++
    // With another connection at work, those in line can still be served by it.
    if (account.live === 1) this.#refuseWaiters(account, error)
    this.#vacate(account)
  }

  /** Hands a busy connection to the next in its own line, or lets it rest. */
  #offer (slot: Slot<C>): void {
    const { account } = slot
    const waiter = account.nextWaiter()
    if (waiter !== undefined) {
      this.#waiting--
      slot.streak++
      waiter.grant(slot)
      return
    }
    slot.streak = 0
    slot.state = 'idle'
    this.#busy--
    this.#idle++
    account.idle.push(slot)
    this.#withIdle.add(account)
  }

  /** True when this connection has served its own line long enough and another database has nothing coming. */
  #isOwedToOthers (slot: Slot<C>): boolean {
    if (slot.streak < QUANTUM || slot.account.waiting === 0) return false
    if (this.#withIdle.size > 0 || this.used < this.limits.connections) return false
    if (this.#opening + this.#closing >= this.limits.churn) return false
    const others = this.#need.size - (this.#need.has(slot.account) ? 1 : 0)
    return others > this.#closing
  }

  #takeFromIdle (slot: Slot<C>): void {
    const { account } = slot
    account.idle.splice(account.idle.indexOf(slot), 1)
    if (account.idle.length === 0) this.#withIdle.delete(account)
    slot.state = 'busy'
    this.#idle--
    this.#busy++
  }

  #close (slot: Slot<C>): void {
    const { account } = slot
    slot.state = 'closing'
    this.#busy--
    this.#closing++
    account.closing++
    const gone = (): void => {
      slot.state = 'gone'
      this.#closing--
      account.closing--
      this.#vacate(account)
    }
    account.connector.close(slot.connection).then(gone, gone)
  }

  #vacate (account: BudgetAccount<C>): void {
    account.physical--
    this.#announceEmpty(account)
    this.#consider(account)
    this.#pump()
  }

  #announceEmpty (account: BudgetAccount<C>): void {
    if (account.physical > 0 || account.waiting > 0) return
    for (const resolve of account.onEmpty.splice(0)) resolve()
  }

  #refuseWaiters (account: BudgetAccount<C>, reason: Error): void {
    for (let waiter = account.nextWaiter(); waiter !== undefined; waiter = account.nextWaiter()) {
      this.#waiting--
      waiter.refuse(reason)
    }
    this.#consider(account)
    this.#announceEmpty(account)
  }

  #refuseNeedy (reason: Error): void {
    for (const account of [...this.#need]) {
      if (account.live === 0) this.#refuseWaiters(account, reason)
    }
  }
}
