// Which tenant an id stands for: the registry's answer, remembered for as long as a change of it is sure to be heard.
import { LRUCache } from 'lru-cache'
import { type RegistryDb } from '../registry/db.js'
import { type RegistryListener, type Subscription } from '../registry/listener.js'
import { type Tenant, type TenantId } from './tenant.js'

export interface DirectoryOptions {
  registry: RegistryDb
  listener: RegistryListener
  /** Tenants remembered. */
  max: number
  /** How long an unknown id is remembered as unknown, in milliseconds. */
  negativeMs?: number
  /** How long an entry is believed at most: what is not NOTIFYed, such as a server's new address, arrives this late. */
  maxAgeMs?: number
  /** A tenant's row has changed: facts drawn from it are stale. */
  changed: (id: TenantId) => void
  /** Changes may have been missed: every fact may be stale. */
  gap: () => void
}

interface Flight { readonly promise: Promise<Tenant | undefined>, stale: boolean }

const defaults = { negativeMs: 2_000, maxAgeMs: 60_000 }
const unknown = Symbol('unknown')

export class TenantDirectory {
  readonly #registry: RegistryDb
  readonly #known: LRUCache<TenantId, Tenant | typeof unknown>
  readonly #flights = new Map<TenantId, Flight>()
  readonly #subscription: Subscription
  readonly #negativeMs: number
  lookUps = 0

  constructor (options: DirectoryOptions) {
    this.#registry = options.registry
    this.#negativeMs = options.negativeMs ?? defaults.negativeMs
    this.#known = new LRUCache({ max: options.max, ttl: options.maxAgeMs ?? defaults.maxAgeMs })
    this.#subscription = options.listener.on('tenant_changed', (id) => {
      this.forget(id as TenantId)
      options.changed(id as TenantId)
    }, () => {
      for (const flight of this.#flights.values()) flight.stale = true
      this.#flights.clear()
      this.#known.clear()
      options.gap()
    })
  }

  /** The remembered tenant, without waiting; nothing while changes can't be heard. */
  peek (id: TenantId): Tenant | undefined {
    if (!this.#subscription.isLive()) return undefined
    const known = this.#known.get(id)
    return known === unknown ? undefined : known
  }

  /** The tenant, or undefined when the registry has none of this id. However many ask at once, the registry is asked once. */
  async find (id: TenantId): Promise<Tenant | undefined> {
    for (;;) {
      const known = this.#subscription.isLive() ? this.#known.get(id) : undefined
      if (known !== undefined) return known === unknown ? undefined : known
      const flight = this.#flights.get(id) ?? this.#lookUp(id)
      const tenant = await flight.promise
      // A change overtook the answer.
      if (!flight.stale) return tenant
    }
  }

  forget (id: TenantId): void {
    this.#known.delete(id)
    const flight = this.#flights.get(id)
    if (flight === undefined) return
    flight.stale = true
    this.#flights.delete(id)
  }

  close (): void {
    this.#subscription.close()
    this.#known.clear()
  }

  #lookUp (id: TenantId): Flight {
    this.lookUps++
    const heardFrom = this.#subscription.isLive()
    const flight: Flight = { promise: this.#select(id), stale: false }
    this.#flights.set(id, flight)
    const land = (): void => {
      if (this.#flights.get(id) === flight) this.#flights.delete(id)
    }
    flight.promise.then((tenant) => {
      land()
      if (heardFrom && this.#subscription.isLive() && !flight.stale) this.#remember(id, tenant)
    }, land)
    return flight
  }

  #remember (id: TenantId, tenant: Tenant | undefined): void {
    if (tenant === undefined) {
      this.#known.set(id, unknown, { ttl: this.#negativeMs })
    } else if (tenant.status !== 'creating' && tenant.status !== 'spare') {
      // The registry does not NOTIFY what happens to a tenant before its first activation.
      this.#known.set(id, tenant)
    }
  }

  async #select (id: TenantId): Promise<Tenant | undefined> {
    const row = await this.#registry
      .selectFrom('tenants')
      .innerJoin('database_servers', 'database_servers.id', 'tenants.server_id')
      .leftJoin('organizations', 'organizations.id', 'tenants.organization_id')
      .select([
        'tenants.organization_id as organizationId',
        'tenants.server_id as serverId',
        'tenants.database_name as databaseName',
        'tenants.role_name as roleName',
        'tenants.credential_version as credentialVersion',
        'tenants.status',
        'tenants.schema_version as schemaVersion',
        'database_servers.name as serverName',
        'database_servers.host',
        'database_servers.port',
        'organizations.name as organizationName',
        'organizations.time_zone as timeZone'
      ])
      .where('tenants.id', '=', id)
      .executeTakeFirst()
    if (row === undefined) return undefined
    const { serverId, serverName, host, port, timeZone, ...facts } = row
    return { id, ...facts, timeZone: timeZone ?? 'UTC', server: { id: serverId, name: serverName, host, port } }
  }
}
