// Makes tenants and takes them back: sign-up's reservation, the spares, suspension, and whatever a crash left.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Logger } from 'pino'
import { type Config, tenantServers } from '../config.js'
import { type Keyring } from '../crypto/keyring.js'
import { problem } from '../errors.js'
import { type RegistryDb } from '../registry/db.js'
import { registryIdentity } from '../registry/identity.js'
import { type RegistryListener, type Subscription } from '../registry/listener.js'
import { askOnce } from './ask-once.js'
import { changeStatus } from './change-status.js'
import { type TenantLease } from './lease.js'
import { planOf, survey } from './fleet/begin-run.js'
import { type FleetOrder, type FleetPlan, type FleetProgress, type FleetResult } from './fleet/fleet-order.js'
import { type FleetTiming, fleetTiming } from './fleet/fleet-timing.js'
import { runFleet } from './fleet/run-fleet.js'
import { type Provisioning } from './provisioning.js'
import { reconcile, type ReconcileReport, undoExpired } from './reconcile.js'
import { Reservations } from './reservations.js'
import { activateReservation, type NewOrganization, type Reservation } from './reserve-tenant.js'
import { ServerAdministration, type ServerConnections } from './server-administration.js'
import { openServers, recordServers } from './servers.js'
import { type Refill, SpareStock } from './spare-stock.js'
import { type DatabaseServer, type Tenant, type TenantId } from './tenant.js'
import { type Rehearsal } from './warm-spares.js'

export type { NewOrganization, Reservation } from './reserve-tenant.js'
export type { ReconcileReport } from './reconcile.js'
export { type FleetFailure, type FleetOrder, type FleetPlan, type FleetProgress, FleetRefused, type FleetResult } from './fleet/fleet-order.js'
export type { Refill } from './spare-stock.js'

/** What of Tenancy is needed: connections within the budget, and the end of those to a database that goes. */
export interface ProvisionerTenancy extends ServerConnections {
  drain: (id: TenantId) => Promise<void>
  leaseOf: (tenant: Tenant, worth?: number) => Promise<TenantLease>
}

export interface ProvisionerOptions {
  registry: RegistryDb
  tenancy: ProvisionerTenancy
  keyring: Keyring
  config: Pick<Config, 'TENANT_SERVERS' | 'SPARE_TENANTS'>
  /** Its server is the one for tenants when TENANT_SERVERS is not set. */
  registryUrl: string
  log: Logger
  onStep?: Provisioning['onStep']
  fleetTiming?: Partial<FleetTiming>
}

export class Provisioner {
  readonly #work: Provisioning
  readonly #options: ProvisionerOptions
  readonly #spares: SpareStock
  readonly #recordServers: () => Promise<void>
  readonly #reservations: Reservations

  constructor (options: ProvisionerOptions) {
    const { registry, tenancy, keyring, config, registryUrl, log, onStep = () => undefined } = options
    const servers = new ServerAdministration(tenantServers(config, registryUrl), tenancy)
    this.#options = options
    this.#work = {
      registry,
      servers,
      keyring,
      log,
      owner: `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`,
      identity: askOnce(() => registryIdentity(registry)),
      onStep
    }
    const secretRef = config.TENANT_SERVERS === undefined ? 'REGISTRY_DATABASE_URL' : 'TENANT_SERVERS'
    this.#recordServers = askOnce(() => recordServers(registry, servers, secretRef))
    this.#reservations = new Reservations(this.#work, tenancy, () => this.#recordServers())
    this.#spares = new SpareStock(this.#work, config.SPARE_TENANTS, (tenant, worth) => tenancy.leaseOf(tenant, worth))
  }

  /** A server for a tenant that comes from elsewhere: the one named, or the least full open one. @throws Problem TENANT_STATUS_CONFLICT */
  async placeFor (name?: string): Promise<DatabaseServer> {
    await this.#recordServers()
    const open = await openServers(this.#work.registry, this.#work.servers.names)
    const found = name === undefined ? open[0] : open.find((server) => server.name === name)
    if (found === undefined) throw problem('TENANT_STATUS_CONFLICT', { detail: name === undefined ? 'No open database server has room. Add one to TENANT_SERVERS.' : `Server ${name} is not in TENANT_SERVERS, not open, or full.` })
    return found
  }

  /** Makes the registry's list of servers agree with the settings; done once. */
  async recordServers (): Promise<void> {
    await this.#recordServers()
  }

  /** What operations on whole tenants work with. */
  get work (): Provisioning { return this.#work }

  /**
   * A tenant for the organization, which is now in the registry. Follow with `activate`, or `abandon`; a process that dies
   * before either leaves it to `reconcile`. With a spare this is one statement, otherwise a database is made meanwhile. A server that
   * does not answer is passed over.
   * @throws Problem SIGN_UP_UNAVAILABLE when no server can take it
   */
  async reserve (organization: NewOrganization): Promise<Reservation> {
    return await this.#reservations.reserve(organization)
  }

  /**
   * The organization is a customer from here on, and `admin` can sign in. May be called again when no answer was heard.
   * `emailHash`: 32 bytes.
   * @throws Problem SIGN_UP_UNAVAILABLE when it took so long that the reservation was taken back
   */
  async activate (reservation: Reservation, admin: { id: string, emailHash: Buffer }): Promise<void> {
    await activateReservation(this.#work, reservation, admin)
  }

  /** Leaves nothing of the reservation. Safe to call twice, and after `activate`, which it does not undo. */
  async abandon (reservation: Reservation): Promise<void> {
    await this.#reservations.abandon(reservation)
  }

  /**
   * Brings every open server to SPARE_TENANTS spares of the current schema. One run at a time in a process: a call during
   * one makes it look again at its end. Processes count each other's. `failed` ones are logged: try again later.
   * `rehearse` runs on the new connections that are opened to the spares next in line.
   */
  async refillSpares (rehearse?: Rehearsal): Promise<Refill> {
    await this.#recordServers()
    return await this.#spares.refill(rehearse)
  }

  /** For a process that takes sign-ups: connections to the spares stay open in it, whichever process makes them. `rehearse` as above. */
  keepSparesWarm (listener: RegistryListener, rehearse?: Rehearsal): Subscription {
    return this.#spares.keepWarm(listener, rehearse)
  }

  /** Undoes what a crash left and reports what it may not touch; looks at every row and every server. */
  async reconcile (): Promise<ReconcileReport> {
    await this.#recordServers()
    return await reconcile(this.#work, (id) => this.#options.tenancy.drain(id))
  }

  /** The part of `reconcile` that time alone makes necessary: costs one query when nothing has expired. */
  async undoExpired (): Promise<{ undone: string[] }> {
    return await undoExpired(this.#work, (id) => this.#options.tenancy.drain(id))
  }

  /**
   * Brings tenants and spares to a version; the registry itself comes first: `migrateRegistry`. Nothing to do is one query.
   * @throws FleetRefused
   */
  async migrateTenants (order: FleetOrder = {}, onProgress: (progress: FleetProgress) => void = () => undefined): Promise<FleetResult> {
    return await runFleet(this.#work, order, { ...fleetTiming, ...this.#options.fleetTiming }, onProgress)
  }

  /** What `migrateTenants` would do, and nothing else. @throws FleetRefused when the order makes no sense */
  async planMigration (order: FleetOrder = {}): Promise<FleetPlan> {
    return planOf(await survey(this.#work.registry, order, this.#work.servers.names))
  }

  /** Every process refuses its next request. @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT */
  async suspend (id: TenantId): Promise<void> {
    await changeStatus(this.#work.registry, this.#work.log, id, 'active', 'suspended')
  }

  /** Takes suspension back. @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT */
  async resume (id: TenantId): Promise<void> {
    await changeStatus(this.#work.registry, this.#work.log, id, 'suspended', 'active')
  }
}
