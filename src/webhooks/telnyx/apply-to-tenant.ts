// Applies one tenant's events in its database: delivery events all at once, inbound texts one after another in the order they came.
import { Problem } from '../../errors.js'
import { type InboundText, receiveText } from '../../features/conversations/receive-text.js'
import { announceEvents } from '../../features/events/record-event.js'
import { heedSlowdowns } from '../../features/messages/heed-slowdowns.js'
import { recordDeliveryEvents } from '../../features/messages/record-delivery-events.js'
import { type DeliveryEvent } from '../../features/messages/states.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { type ClaimedEvent, type Outcome, type SettledEvent } from '../queries.js'
import { outcomeOfFailure } from '../retry.js'

export interface Delivery { event: ClaimedEvent, news: DeliveryEvent }
export interface Text { event: ClaimedEvent, inbound: InboundText }
export interface TenantEvents { deliveries: Delivery[], texts: Text[] }

/** Never throws: a tenant out of reach is its own events' outcome, and no other tenant's. */
export async function applyToTenant (services: Services, tenantId: TenantId, { deliveries, texts }: TenantEvents): Promise<SettledEvent[]> {
  const settled: SettledEvent[] = []
  const settle = ({ id }: ClaimedEvent, outcome: Outcome): void => { settled.push({ id, outcome: { ...outcome, tenantId } }) }
  const fail = (event: ClaimedEvent, error: unknown): void => {
    services.log.warn({ err: error, tenantId, webhookEvent: event.id, attempt: event.attempt }, 'a webhook event could not be applied')
    settle(event, outcomeOfFailure(error, event.attempt))
  }
  try {
    await services.tenancy.withTenant(tenantId, async (db, tenant) => {
      await heedSlowdowns(services, db, deliveries.map(({ news }) => news))
      for (const { event, known, error } of await recordTogether(db, deliveries)) {
        if (error !== undefined) fail(event, error)
        else settle(event, known ? { status: 'processed' } : { status: 'ignored', reason: 'The organization has no such text.' })
      }
      if (settled.some(({ outcome }) => outcome.status === 'processed')) announceEvents(services, tenantId)
      for (const { event, inbound } of texts) {
        try {
          await receiveText(services, db, tenant, inbound)
          settle(event, { status: 'processed' })
        } catch (error) {
          fail(event, error)
        }
      }
    })
  } catch (error) {
    const done = new Set(settled.map(({ id }) => id))
    for (const { event } of [...deliveries, ...texts]) if (!done.has(event.id)) fail(event, error)
  }
  return settled
}

interface Recorded { event: ClaimedEvent, known: boolean, error?: unknown }

/** As one statement; when that fails, one by one, so that only the event at fault does. */
async function recordTogether (db: TenantDb, deliveries: readonly Delivery[]): Promise<Recorded[]> {
  if (deliveries.length === 0) return []
  try {
    const known = await recordDeliveryEvents(db, deliveries.map(({ news }) => news))
    return deliveries.map(({ event }, index) => ({ event, known: known[index] ?? false }))
  } catch (error) {
    // Such as that the organization is being moved: no row is at fault.
    if (error instanceof Problem) return deliveries.map(({ event }) => ({ event, known: false, error }))
    const [first, ...rest] = deliveries
    if (rest.length === 0) return first === undefined ? [] : [{ event: first.event, known: false, error }]
    const recorded: Recorded[] = []
    for (const one of deliveries) recorded.push(...await recordTogether(db, [one]))
    return recorded
  }
}
