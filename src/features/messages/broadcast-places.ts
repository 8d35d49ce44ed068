// How many organizations may broadcast from this process at once: one of the worker's places always stays free for answers.
import { type TenantId } from '../../tenancy/tenant.js'

export class BroadcastPlaces {
  readonly #size: number
  /** Who broadcasts, and whether somebody called meanwhile. */
  readonly #inside = new Map<TenantId, { called: boolean }>()
  readonly #waiting = new Set<TenantId>()

  constructor (workerConcurrency: number) {
    this.#size = Math.max(workerConcurrency - 1, 1)
  }

  /** False when it has one already, whose `leave` will tell of this call, or when it must wait, until a `leave` names it. */
  enter (tenantId: TenantId): boolean {
    const inside = this.#inside.get(tenantId)
    if (inside !== undefined) inside.called = true
    else if (this.isFull()) this.#waiting.add(tenantId)
    else {
      this.#waiting.delete(tenantId)
      this.#inside.set(tenantId, { called: false })
      return true
    }
    return false
  }

  /** Whether the next to come must wait. */
  isFull (): boolean {
    return this.#inside.size >= this.#size
  }

  /** `called`: somebody asked in vain meanwhile. `next`: whoever waited and is to be woken; all of them when the process stops. */
  leave (tenantId: TenantId, stopping: boolean): { called: boolean, next: TenantId[] } {
    const called = this.#inside.get(tenantId)?.called === true
    this.#inside.delete(tenantId)
    const next = [...this.#waiting].slice(0, stopping ? undefined : 1)
    for (const tenant of next) this.#waiting.delete(tenant)
    return { called, next }
  }
}
