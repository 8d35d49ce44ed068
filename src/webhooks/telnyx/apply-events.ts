// Finds the tenant of each event: by the token we signed, or by the number that was texted. Then the features do the rest.
import { openStatusToken } from '../../features/messages/status-token.js'
import { type Services } from '../../services.js'
import { isTenantId, type TenantId } from '../../tenancy/tenant.js'
import { type ClaimedEvent, findNumberOwners, type Outcome, type SettledEvent } from '../queries.js'
import { outcomeOfFailure } from '../retry.js'
import { applyToTenant, type Delivery, type TenantEvents, type Text } from './apply-to-tenant.js'
import { readEvent, type TelnyxEvent } from './read-event.js'

/** Tenants worked on at a time: each holds one connection. */
const tenantsAtOnce = 4

/** Never throws for an event's sake: each one's outcome is its own. */
export async function applyTelnyxEvents (services: Services, events: readonly ClaimedEvent[]): Promise<SettledEvent[]> {
  const settled: SettledEvent[] = []
  const read = events.flatMap((event) => {
    try {
      return [{ event, content: readEvent(event.payload, services.clock.now()) }]
    } catch (error) {
      settled.push({ id: event.id, outcome: outcomeOfFailure(error, event.attempt) })
      return []
    }
  })
  const owners = await findNumberOwners(services.registry, read.flatMap(({ content }) => content.kind === 'text' ? content.to : []))
  const byTenant = new Map<TenantId, TenantEvents>()
  for (const { event, content } of read) {
    const route = findRoute(services, event, content, owners)
    if ('outcome' in route) {
      settled.push({ id: event.id, outcome: route.outcome })
      continue
    }
    const tenant = byTenant.get(route.tenantId) ?? { deliveries: [], texts: [] }
    byTenant.set(route.tenantId, tenant)
    if ('delivery' in route) tenant.deliveries.push(route.delivery)
    else tenant.texts.push(route.text)
  }
  const waiting = [...byTenant]
  await Promise.all(Array.from({ length: tenantsAtOnce }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) settled.push(...await applyToTenant(services, ...next))
  }))
  return settled
}

type Route = { outcome: Outcome } | { tenantId: TenantId } & ({ delivery: Delivery } | { text: Text })

function findRoute (services: Services, event: ClaimedEvent, content: TelnyxEvent, owners: Awaited<ReturnType<typeof findNumberOwners>>): Route {
  if (content.kind === 'other') return ignored('Not a kind of event that is used.')
  if (content.kind === 'delivery') {
    if (event.routeToken === null) return ignored('A delivery event without a status token.')
    const address = openStatusToken(services.keyring, event.routeToken)
    if (address === undefined) return ignored('The status token is not one of ours: was MASTER_KEY changed?')
    const { tenantId, messageId, phoneHash } = address
    return { tenantId, delivery: { event, news: { ...content.news, messageId, phoneHash } } }
  }
  for (const to of content.to) {
    const owner = owners.get(to)
    if (owner === undefined || owner.status === 'released' || !isTenantId(owner.tenantId)) continue
    // Bought a moment ago: the order that makes it active is on its way.
    if (owner.status === 'pending') return { outcome: { tenantId: owner.tenantId, status: 'received', reason: 'The number is not active yet.', delaySeconds: 10 * event.attempt, counts: true } }
    return { tenantId: owner.tenantId, text: { event, inbound: { ...content.text, to } } }
  }
  return ignored('No organization has the number that was texted.')
}

function ignored (reason: string): Route {
  return { outcome: { status: 'ignored', reason } }
}
