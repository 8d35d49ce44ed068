// The administrators' connections: one URL a database server, from the settings alone, charged to the server's budget.
import { type ClientBase } from 'pg'
import { type DatabaseServerSetting } from '../config.js'
import { type Pooler } from './pooler.js'
import { type ServerAddress, type Tenant } from './tenant.js'

export interface AdministrationTarget { applicationName: string, database: string, user: string, password: () => string, pooler?: Pooler }

/** The part of Tenancy that this needs: a connection that is gone from the server when the promise settles. */
export interface ServerConnections {
  serverFor: (server: ServerAddress) => {
    readonly limits: { readonly connections: number }
    readonly breaker: { refusal: () => Error | undefined }
    readonly pooler?: Pooler | undefined
    withConnection: <T>(target: AdministrationTarget, use: (client: ClientBase) => Promise<T>) => Promise<T>
  }
}

/** The advisory lock, in a server's `postgres` database, of whoever makes or drops templates there. */
export const TEMPLATE_LOCK = 4_801_520_078
/** First half of the two-part advisory lock on one tenant's database while it is created or dropped. */
export const TENANT_LOCK = 480_152

const APPLICATION = 'koinonia:provisioning'

export class ServerAdministration {
  readonly #urls: Map<string, URL>
  readonly #connections: ServerConnections

  constructor (servers: DatabaseServerSetting[], connections: ServerConnections) {
    this.#urls = new Map(servers.map(({ name, adminUrl }) => [name, new URL(adminUrl)]))
    this.#connections = connections
  }

  /** Names, in the order of the settings. */
  get names (): string[] { return [...this.#urls.keys()] }

  address (name: string): ServerAddress {
    const url = this.#url(name)
    return { name, host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 5432) }
  }

  /**
   * A new connection as the server's administrator, to its own database or the one named.
   * @throws Problem DATABASE_BUSY, DATABASE_UNAVAILABLE; Error when the settings have no such server; what `use` throws
   */
  async connect<T> (name: string, use: (client: ClientBase) => Promise<T>, database?: string): Promise<T> {
    const url = this.#url(name)
    const target = {
      applicationName: APPLICATION,
      database: database ?? (decodeURIComponent(url.pathname.slice(1)) || 'postgres'),
      user: decodeURIComponent(url.username) || 'postgres',
      password: () => decodeURIComponent(url.password)
    }
    return await this.#connections.serverFor(this.address(name)).withConnection(target, use)
  }

  /** Whether tenants' sessions there are a pooler's, which keeps them open between transactions and when nobody needs them. */
  isPooled (name: string): boolean {
    return this.#connections.serverFor(this.address(name)).pooler !== undefined
  }

  /** Signs in to the server's pooler, if it has one, which learns from it by what to sign in to PostgreSQL. Throws what `connect` does. */
  async signInToPooler (name: string, { databaseName, roleName }: Pick<Tenant, 'databaseName' | 'roleName'>, password: string): Promise<void> {
    const server = this.#connections.serverFor(this.address(name))
    if (server.pooler === undefined) return
    await server.withConnection({ applicationName: APPLICATION, database: databaseName, user: roleName, password: () => password, pooler: server.pooler }, async () => undefined)
  }

  /** False while the server is left alone because it did not let us in. */
  answers (name: string): boolean {
    return this.#connections.serverFor(this.address(name)).breaker.refusal() === undefined
  }

  /** How many connections this process may hold to the server, tenants' included. */
  connectionLimit (name: string): number {
    return this.#connections.serverFor(this.address(name)).limits.connections
  }

  #url (name: string): URL {
    const url = this.#urls.get(name)
    if (url === undefined) throw new Error(`TENANT_SERVERS names no server ${name}, but the registry has databases there. Add it to the setting.`)
    return url
  }
}

/** Runs `use` while no other session on this server holds the lock. When `use` fails the lock goes with the session, which the caller ends. */
export async function withAdvisoryLock<T> (client: ClientBase, key: readonly [number] | readonly [number, string], use: () => Promise<T>): Promise<T> {
  const argument = key.length === 1 ? '($1)' : '($1, hashtext($2))'
  await client.query('SET lock_timeout = \'20s\'')
  await client.query(`SELECT pg_advisory_lock${argument}`, [...key])
  const result = await use()
  await client.query(`SELECT pg_advisory_unlock${argument}`, [...key])
  return result
}
