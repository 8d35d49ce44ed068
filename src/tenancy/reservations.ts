// A sign-up's tenant on a server that answers: a spare if there is one, else a database made in turn; a dead server is passed over.
import { problem } from '../errors.js'
import { Placement } from './placement.js'
import { type Provisioning } from './provisioning.js'
import { claimSpare, type NewOrganization, type Reservation, reserveCold } from './reserve-tenant.js'
import { type Tenant, type TenantId } from './tenant.js'
import { Turns } from './turns.js'
import { undoTenant } from './undo-tenant.js'

/** Databases made at a time while callers wait: more gain nothing on one server, and each needs two connections. */
const COLD_AT_ONCE = 2
const COLD_WAITING = 100
/** Within the half minute that callers and proxies commonly wait, with the making itself. */
const COLD_WAIT_MS = 20_000

/** What of Tenancy is needed: to get into a tenant's database, and to close what is open to it. */
interface Doors {
  leaseOf: (tenant: Tenant) => Promise<{ release: () => void }>
  drain: (id: TenantId) => Promise<void>
}

export class Reservations {
  readonly #work: Provisioning
  readonly #doors: Doors
  readonly #recordServers: () => Promise<void>
  readonly #placement: Placement
  readonly #coldTurns = new Turns({ atOnce: COLD_AT_ONCE, longestLine: COLD_WAITING, longestWaitMs: COLD_WAIT_MS })

  constructor (work: Provisioning, doors: Doors, recordServers: () => Promise<void>) {
    this.#work = work
    this.#doors = doors
    this.#recordServers = recordServers
    this.#placement = new Placement(work.registry, work.servers)
  }

  /** @throws Problem SIGN_UP_UNAVAILABLE when no server can take it */
  async reserve (organization: NewOrganization): Promise<Reservation> {
    return await this.#takeSpare(organization, false) ?? await this.#reserveInTurn(organization)
  }

  /** Leaves nothing of the reservation. */
  async abandon ({ tenant }: Reservation): Promise<void> {
    await this.#doors.drain(tenant.id)
    await undoTenant(this.#work, tenant, 'own')
  }

  /** One that lets us in. The connection that proves it is the one that the sign-up goes on with. */
  async #takeSpare (organization: NewOrganization, anew: boolean): Promise<Reservation | undefined> {
    let servers = await this.#placement.order(anew)
    while (servers.length > 0) {
      const reservation = await claimSpare(this.#work, organization, servers)
      if (reservation === undefined) return undefined
      const { tenant } = reservation
      try {
        const lease = await this.#doors.leaseOf(tenant)
        lease.release()
        return reservation
      } catch (error) {
        this.#work.log.warn({ err: error, tenantId: tenant.id, server: tenant.server.name }, 'a spare did not let a sign-up in; the next server is tried')
        servers = this.#placement.answering(servers).filter((name) => name !== tenant.server.name)
        await this.#abandonBroken(reservation)
      }
    }
    return undefined
  }

  async #abandonBroken (reservation: Reservation): Promise<void> {
    await this.abandon(reservation).catch((error: unknown) => {
      this.#work.log.warn({ err: error, tenantId: reservation.tenant.id }, 'a spare that let nobody in is left to the reconciler')
    })
  }

  async #reserveInTurn (organization: NewOrganization): Promise<Reservation> {
    await this.#recordServers()
    // A spare may have been made while this one stood in line.
    const reservation = await this.#coldTurns.take(async () =>
      await this.#takeSpare(organization, true) ?? await reserveCold(this.#work, organization, this.#placement.answering(this.#work.servers.names)))
    if (reservation === undefined) throw problem('SIGN_UP_UNAVAILABLE', { retryAfter: 30 })
    return reservation
  }
}
