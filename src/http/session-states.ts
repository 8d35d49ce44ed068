// Which sessions are still good: asked of the tenant's database, and remembered only while a revocation is sure to be heard.
import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import { type RegistryDb } from '../registry/db.js'
import { type RegistryListener, type Subscription } from '../registry/listener.js'
import { type TenantDb } from '../tenancy/tenant.js'
import { type Actor, type AdminRole } from './authentication.js'

type SessionOf = Pick<Actor, 'tenantId' | 'adminId' | 'sessionId'>
interface Revoked { tenantId: string, sessionId: string }

const channel = 'session_revoked'
const remembered = 50_000
/**
 * An admin disabled past this code is refused this much later at most, as a tenant changed past it is. What this code revokes it
 * announces. To ask anew is cheap on a warm connection only: on one opened for a tenant seldom asked it costs a third of the opening.
 */
const rememberedMs = 60_000

export class SessionStates {
  readonly #registry: RegistryDb
  readonly #open = new LRUCache<string, { adminId: string, role: AdminRole }>({ max: remembered, ttl: rememberedMs })
  readonly #subscription: Subscription
  readonly #told = new Set<(revoked: Revoked) => void>()
  /** Counts what was heard, so that an answer which a revocation overtook is not remembered. */
  #heard = 0

  constructor (registry: RegistryDb, listener: RegistryListener) {
    this.#registry = registry
    this.#subscription = listener.on(channel, (key) => { this.#forget(key) }, () => {
      this.#heard++
      this.#open.clear()
    })
  }

  /** The admin's role if the session is known to be good, without waiting; nothing while revocations can't be heard. */
  peek (session: SessionOf): AdminRole | undefined {
    const known = this.#subscription.isLive() ? this.#open.get(keyOf(session)) : undefined
    return known?.adminId === session.adminId ? known.role : undefined
  }

  /** The admin's present role, or undefined when the session was revoked or the admin is not active any more. */
  async find (db: TenantDb, session: SessionOf): Promise<AdminRole | undefined> {
    const heardBefore = this.#heard
    const admin = await selectOpenSession(db, session)
    if (admin === undefined) return undefined
    if (this.#subscription.isLive() && this.#heard === heardBefore) this.#open.set(keyOf(session), { adminId: session.adminId, role: admin.role })
    return admin.role
  }

  /** Call after the revocation is committed: this process forgets at once, the others as soon as they hear it. */
  async announceRevoked (sessions: Array<Pick<Actor, 'tenantId' | 'sessionId'>>): Promise<void> {
    const keys = sessions.map(keyOf)
    for (const key of keys) this.#forget(key)
    if (keys.length > 0) await sql`SELECT pg_notify(${channel}, key) FROM unnest(${keys}::text[]) AS key`.execute(this.#registry)
  }

  /** Calls `tell` with each session whose end is heard; after a gap in hearing it can't know which it missed. */
  onRevoked (tell: (revoked: Revoked) => void): Pick<Subscription, 'close'> {
    this.#told.add(tell)
    return { close: () => { this.#told.delete(tell) } }
  }

  close (): void {
    this.#subscription.close()
  }

  #forget (key: string): void {
    this.#heard++
    this.#open.delete(key)
    const [tenantId = '', sessionId = ''] = key.split(':')
    for (const tell of this.#told) tell({ tenantId, sessionId })
  }
}

function keyOf ({ tenantId, sessionId }: Pick<Actor, 'tenantId' | 'sessionId'>): string {
  return `${tenantId}:${sessionId}`
}

/** One revoked row ends a family, so a rotation that ran beside the revocation saves nothing. */
function selectOpenSession (db: TenantDb, { adminId, sessionId }: SessionOf) {
  return db.selectFrom('admins')
    .select('role')
    .where('id', '=', adminId)
    .where('status', '=', 'active')
    .where(sql<boolean>`(SELECT bool_and(revoked_at IS NULL) FROM sessions WHERE family_id = ${sessionId} AND admin_id = admins.id)`)
    .executeTakeFirst()
}
