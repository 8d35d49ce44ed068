// Every listener of this process: who they are, what wakes them, and what ends them.
import { type Logger } from 'pino'
import { Problem } from '../../errors.js'
import { type Actor } from '../../http/authentication.js'
import { type SessionStates } from '../../http/session-states.js'
import { type RegistryListener, type Subscription } from '../../registry/listener.js'
import { type Tenancy } from '../../tenancy/tenancy.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { EventStream } from './event-stream.js'
import { eventsAfter } from './queries.js'
import { type MostStreams, mostStreams, StreamLimits } from './stream-limits.js'
import { TenantTail } from './tenant-tail.js'

export interface HubOptions {
  listener: RegistryListener
  tenancy: Tenancy
  sessionStates: SessionStates
  log: Logger
  channel: string
  most?: MostStreams
}

interface Listening { tail: TenantTail, streams: Map<EventStream, Actor> }

/** No connection is held for a listener or a tenant: a tenant's events are read when its listeners are woken. */
export class EventHub {
  readonly #options: HubOptions
  readonly #tenants = new Map<string, Listening>()
  readonly #limits: StreamLimits
  readonly #subscriptions: Array<Pick<Subscription, 'close'>>

  constructor (options: HubOptions) {
    const { listener, sessionStates, channel, most = mostStreams } = options
    this.#options = options
    this.#limits = new StreamLimits(most)
    this.#subscriptions = [
      // What was said meanwhile is lost, also that a session was revoked: whoever comes back proves who they are, and catches up.
      listener.on(channel, (tenantId) => { this.#tenants.get(tenantId)?.tail.wake() }, () => { this.#endAll() }),
      // The next read is refused if the tenant may not be used any more.
      listener.on('tenant_changed', (tenantId) => { this.#tenants.get(tenantId)?.tail.wake() }),
      sessionStates.onRevoked((revoked) => {
        for (const [stream, actor] of this.#tenants.get(revoked.tenantId)?.streams ?? []) if (actor.sessionId === revoked.sessionId) stream.end()
      })
    ]
  }

  /** From this moment on the stream ends with its session. @throws problem('TOO_MANY_STREAMS') */
  open (actor: Actor, types: ReadonlySet<string> | undefined): EventStream {
    const giveBack = this.#limits.take(actor.tenantId, actor.adminId)
    const stream = new EventStream({ types })
    const tenant = this.#tenants.get(actor.tenantId) ?? this.#listenTo(actor.tenantId)
    tenant.streams.set(stream, actor)
    const expiry = setTimeout(() => { stream.end() }, actor.expiresAt - Date.now()).unref()
    stream.body.once('close', () => {
      clearTimeout(expiry)
      giveBack()
      tenant.tail.leave(stream)
      tenant.streams.delete(stream)
      if (tenant.streams.size === 0 && this.#tenants.get(actor.tenantId) === tenant) this.#tenants.delete(actor.tenantId)
    })
    return stream
  }

  /** After `begin` of the stream: sends what came since, and goes on. Never throws. */
  async follow (stream: EventStream, tenantId: TenantId): Promise<void> {
    try {
      await this.#tenants.get(tenantId)?.tail.join(stream)
    } catch (error) {
      this.#explain(error, tenantId)
      stream.end()
    }
  }

  get streams (): number {
    return this.#limits.open
  }

  close (): void {
    for (const subscription of this.#subscriptions) subscription.close()
    this.#endAll()
  }

  #listenTo (tenantId: TenantId): Listening {
    const streams = new Map<EventStream, Actor>()
    const tail = new TenantTail({
      read: (after, limit) => this.#options.tenancy.withTenant(tenantId, (db) => eventsAfter(db, after, limit)),
      failed: (error) => {
        this.#explain(error, tenantId)
        for (const stream of streams.keys()) stream.end()
      }
    })
    const listening = { tail, streams }
    this.#tenants.set(tenantId, listening)
    return listening
  }

  #endAll (): void {
    for (const { streams } of this.#tenants.values()) for (const stream of streams.keys()) stream.end()
  }

  #explain (error: unknown, tenantId: TenantId): void {
    if (error instanceof Problem && error.status < 500) this.#options.log.info({ tenantId, code: error.code }, 'listeners of a tenant were sent away')
    else this.#options.log.warn({ err: error, tenantId }, 'events could not be read; their listeners were sent away')
  }
}
