// One tenant's pool: its place in the server's budget and the facts it connects with; it drains, it is never ended under a lease.
import { type BudgetAccount, type Slot } from './budget-account.js'
import { type DatabaseServerConnections } from './server-connections.js'
import { type PostgresConnection } from './postgres-connection.js'
import { type ConnectionTarget } from './connection-target.js'
import { PostgresConnector } from './postgres-connector.js'
import { type ActivityFigures, TenantActivity } from './tenant-activity.js'
import { type Tenant } from './tenant.js'

export interface TenantFigures extends ActivityFigures {
  tenantId: string
  organization: string | null
  server: string
  /** In line for a connection now. */
  waiting: number
  connections: number
}

export class TenantPool {
  readonly #account: BudgetAccount<PostgresConnection>
  readonly #connector: PostgresConnector
  readonly #activity = new TenantActivity()
  #draining: Promise<void> | undefined

  /** `password`: the role's of a credential version. */
  constructor (public tenant: Tenant, readonly server: DatabaseServerConnections, password: (version: number) => string) {
    const { credentialVersion } = tenant
    const { host, port } = server.pooler ?? tenant.server
    const target: ConnectionTarget = {
      applicationName: `koinonia:${tenant.id}`,
      host,
      port,
      pooler: server.pooler,
      database: tenant.databaseName,
      user: tenant.roleName,
      password: () => password(credentialVersion),
      nextPassword: () => password(credentialVersion + 1)
    }
    this.#connector = new PostgresConnector(target, server.settings)
    this.#account = server.budget.account(`tenant ${tenant.id}`, this.#connector)
  }

  /** True when a connection made with the given facts would be the same as one of this pool. */
  serves (tenant: Tenant): boolean {
    const mine = this.tenant
    // A spare's connection, opened ahead, is the one its sign-up goes on with.
    const inUse = tenant.status === 'active' || tenant.status === 'moving' || tenant.status === 'creating' || tenant.status === 'spare'
    // A connection keeps for life whether it may write.
    const mayWriteAlike = (mine.status === 'moving') === (tenant.status === 'moving')
    return inUse && mayWriteAlike && this.#draining === undefined &&
      mine.server.id === tenant.server.id && mine.server.host === tenant.server.host && mine.server.port === tenant.server.port &&
      mine.databaseName === tenant.databaseName && mine.roleName === tenant.roleName && mine.credentialVersion === tenant.credentialVersion
  }

  acquire (worth?: number): Promise<Slot<PostgresConnection>> {
    const { budget } = this.server
    const now = budget.timing.now()
    // With `worth` nobody asked: a spare is opened ahead.
    if (worth === undefined) this.#activity.requested(now)
    const ahead = this.#account.waiting
    const slot = budget.acquire(this.#account, worth)
    return this.#account.waiting > ahead ? this.#timed(slot, now) : slot
  }

  figures (): TenantFigures {
    const { waiting, physical } = this.#account
    return {
      tenantId: this.tenant.id,
      organization: this.tenant.organizationName,
      server: this.server.address.name,
      ...this.#activity.figures(this.server.budget.timing.now()),
      waiting,
      connections: physical
    }
  }

  /**
   * What is in flight finishes, nothing new starts; resolves when the last connection is gone. Those in line are served
   * first (the pool was merely evicted), or with `refuseLine` sent to look the tenant up again (its facts have changed).
   */
  drain (refuseLine: boolean): Promise<void> {
    this.#draining ??= this.server.budget.drain(this.#account, refuseLine).then(() => this.#connector.end())
    return this.#draining
  }

  async #timed (slot: Promise<Slot<PostgresConnection>>, since: number): Promise<Slot<PostgresConnection>> {
    try {
      return await slot
    } finally {
      const now = this.server.budget.timing.now()
      this.#activity.waited(now - since, now)
    }
  }
}
