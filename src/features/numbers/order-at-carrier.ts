// The steps of an order at the carrier, each safe to repeat.
import { Problem } from '../../errors.js'
import { type Carrier, type NumberOrder } from '../../providers/carrier.js'
import { type OrderFacts } from './queries.js'

export type Outcome =
  | { kind: 'active' }
  | { kind: 'failed', detail: string }
  | { kind: 'waiting', detail: string }

export interface OrderAtCarrier {
  carrier: Carrier
  number: string
  /** Null until the order is known to have been placed. */
  orderId: string | null
  /** The carrier keeps it with the order. */
  reference: string
  profileId: string
  record: (facts: OrderFacts) => Promise<void>
  /** Asked right before money is spent: false when another run works on this order by now. */
  mayBuy: () => Promise<boolean>
}

/** Undefined once the carrier has sold the number. Remembers the order's id in `order`. */
export async function findOrPlaceOrder (order: OrderAtCarrier): Promise<Outcome | undefined> {
  const found = order.orderId === null ? await order.carrier.findOrder(order.reference) : await order.carrier.getOrder(order.orderId)
  const current = found ?? await placeOrder(order)
  if ('kind' in current) return current
  if (order.orderId === null) {
    order.orderId = current.orderId
    await order.record({ order_id: current.orderId })
  }
  switch (current.status) {
    case 'success': return undefined
    case 'failure': return { kind: 'failed', detail: current.detail ?? 'The carrier could not sell this number. Choose a different one.' }
    case 'pending': return { kind: 'waiting', detail: current.detail ?? 'The carrier is working on the order.' }
  }
}

async function placeOrder ({ carrier, number, reference, profileId, mayBuy }: OrderAtCarrier): Promise<NumberOrder | Outcome> {
  if (!await mayBuy()) return { kind: 'waiting', detail: 'The order is being placed.' }
  try {
    return await carrier.orderNumber({ phoneNumber: number, messagingProfileId: profileId, reference })
  } catch (error) {
    if (!(error instanceof Problem) || (error.code !== 'NUMBER_TAKEN' && error.code !== 'CARRIER_REFUSED')) throw error
    // It may be taken by ourselves: an earlier try whose answer was lost.
    return await carrier.findOrder(reference) ?? { kind: 'failed', detail: error.message }
  }
}

/** An order's id is not the number's: that is looked up among the numbers the account owns, which is the proof of owning it. */
export async function setUpNumber ({ carrier, number, profileId, record }: OrderAtCarrier, activate: (providerNumberId: string) => Promise<boolean>): Promise<Outcome> {
  const owned = await carrier.findOwnedNumber(number)
  if (owned === undefined) return { kind: 'waiting', detail: 'The carrier has accepted the order but does not list the number yet.' }
  const { providerNumberId, messagingProfileId } = owned
  if (messagingProfileId !== profileId) await carrier.assignMessagingProfile(providerNumberId, profileId)
  // The registry first: it routes what comes in, and a run that dies in between is repeated because the row is still pending.
  if (!await activate(providerNumberId)) return { kind: 'waiting', detail: 'The number is being registered.' }
  await record({ status: 'active', status_detail: null, provider_number_id: providerNumberId, messaging_profile_id: profileId, capabilities: ['sms', 'mms'] })
  return { kind: 'active' }
}
