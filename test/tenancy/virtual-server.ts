// A database server that exists only in a test: connections open, fail and close when the test says, time passes when it says.
import { type BudgetAccount, type Connector, type Slot } from '../../src/tenancy/budget-account.js'
import { type BudgetLimits } from '../../src/tenancy/budget-policy.js'
import { ConnectionBudget } from '../../src/tenancy/connection-budget.js'
import { type OpeningGate } from '../../src/tenancy/opening-gate.js'
import { type Timing } from '../../src/tenancy/timing.js'

export interface VirtualConnection { key: string, serial: number, lose: () => void }

export class VirtualTime implements Timing {
  #now = 0
  #timers: Array<{ at: number, run: () => void }> = []

  now (): number { return this.#now }

  after (ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => { this.#timers = this.#timers.filter((other) => other !== timer) }
  }

  async advance (ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#now = Math.max(this.#now, next.at)
      this.#timers = this.#timers.filter((other) => other !== next)
      next.run()
      await settle()
    }
    this.#now = end
  }
}

export class VirtualServer {
  readonly time = new VirtualTime()
  readonly budget: ConnectionBudget<VirtualConnection>
  readonly accounts = new Map<string, BudgetAccount<VirtualConnection>>()
  /** Those that drain included. */
  readonly all: Array<BudgetAccount<VirtualConnection>> = []
  /** What the server would show in pg_stat_activity, connections on their way in and out included. */
  physical = 0
  most = 0
  openings: Array<{ key: string, succeed: () => void, fail: (error: Error) => void }> = []
  closings: Array<() => void> = []
  held: Array<Slot<VirtualConnection>> = []
  asked = 0
  granted: string[] = []
  refused: Error[] = []
  #serial = 0

  constructor (limits: BudgetLimits, gate?: OpeningGate) {
    this.budget = new ConnectionBudget(limits, this.time, gate)
  }

  account (key: string): BudgetAccount<VirtualConnection> {
    const existing = this.accounts.get(key)
    if (existing !== undefined && !existing.draining) return existing
    const account = this.budget.account(key, this.#connector(key))
    this.accounts.set(key, account)
    this.all.push(account)
    return account
  }

  acquire (key: string, worth?: number): void {
    this.asked++
    this.budget.acquire(this.account(key), worth).then(
      (slot) => {
        if (slot.connection.key !== key) throw new Error(`asked for ${key}, got ${slot.connection.key}`)
        if (this.held.includes(slot)) throw new Error(`connection ${slot.connection.serial} of ${key} was given twice`)
        this.granted.push(key)
        this.held.push(slot)
      },
      (error: unknown) => { this.refused.push(error as Error) }
    )
  }

  release (index: number, reusable = true): void {
    const [slot] = this.held.splice(index % Math.max(1, this.held.length), 1)
    if (slot !== undefined) this.budget.release(slot, reusable)
  }

  #connector (key: string): Connector<VirtualConnection> {
    return {
      open: (lost) => {
        this.physical++
        this.most = Math.max(this.most, this.physical)
        return new Promise((resolve, reject) => {
          const opening = {
            key,
            succeed: () => { resolve({ key, serial: ++this.#serial, lose: lost }) },
            fail: (error: Error) => {
              this.physical--
              reject(error)
            }
          }
          this.openings.push(opening)
        })
      },
      close: () => new Promise((resolve) => {
        this.closings.push(() => {
          this.physical--
          resolve()
        })
      })
    }
  }
}

/** Lets every promise that can settle do so. */
export async function settle (): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve()
}
