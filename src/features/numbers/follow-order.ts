// Follows one order until the number is active or has failed. It may be killed anywhere and run twice at once: the number is
// bought once, under one reference, and is active only when the carrier says that the account owns it.
import { setTimeout as pause } from 'node:timers/promises'
import { publicUrl } from '../../config.js'
import { Problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { findOrPlaceOrder, type OrderAtCarrier, type Outcome, setUpNumber } from './order-at-carrier.js'
import {
  activateClaim, claimNumber, claimOrder, findOrderRow, type OrderRow, recordOrder, releaseClaim, releaseOrder, renewClaim
} from './queries.js'

export interface Following {
  tenantId: TenantId
  number: string
  signal: AbortSignal
  /** Has this looked after again by itself, should it die. */
  watch: () => Promise<void>
  /** Has this called again in so many milliseconds. */
  again: (inMs: number) => Promise<void>
}

/** How long one run may work on an order; renewed before money is spent. */
const CLAIM_SECONDS = 90
/** After so long an order counts as stuck and waits for a person. */
const PATIENCE_SECONDS = 3_600
/** Most orders end within seconds: so long, in milliseconds, is worth waiting for here instead of in the queue. */
const QUICK_LOOKS = [250, 500, 1_000, 2_000]

type Needs = Pick<Services, 'tenancy' | 'registry' | 'carrier' | 'config' | 'log'>

export async function followOrder (services: Needs, following: Following): Promise<void> {
  const { tenantId, number } = following
  const withDb = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => services.tenancy.withTenant(tenantId, use)
  const { order, organization } = await services.tenancy.withTenant(tenantId, async (db, { organizationName }) => (
    { order: await findOrderRow(db, number), organization: organizationName ?? 'Koinonia' }))
  if (order?.status !== 'pending') {
    // The request died before it wrote the row, or a run died after it wrote the failure: nobody else frees the claim.
    if (order?.status !== 'active') await releaseClaim(services.registry, tenantId, number)
    return
  }
  await following.watch()
  const token = await withDb((db) => claimOrder(db, order.id, CLAIM_SECONDS))
  if (token === undefined) return
  // People meet the name at the carrier; the id keeps two organizations of one name apart.
  const outcome = await settle(services, { ...following, profileName: `${organization} (${tenantId})` }, order, {
    record: (facts) => withDb((db) => recordOrder(db, order.id, token, facts)),
    mayBuy: () => withDb((db) => renewClaim(db, order.id, token, CLAIM_SECONDS))
  })
  await withDb((db) => releaseOrder(db, order.id, token))
  if (outcome.kind === 'waiting') {
    await following.again(Math.min(60_000, Math.max(1_000, order.waitedSeconds * 250)))
  }
}

type NamedFollowing = Following & { profileName: string }
type Ledger = Pick<OrderAtCarrier, 'record' | 'mayBuy'>

/** Tries, and writes down what came of it. */
async function settle (services: Needs, following: NamedFollowing, order: OrderRow, ledger: Ledger): Promise<Outcome> {
  const { tenantId, number } = following
  const outcome = await tryOrder(services, following, order, ledger)
  const stuck = outcome.kind === 'waiting' && order.waitedSeconds > PATIENCE_SECONDS
  if (outcome.kind === 'failed') {
    // A new reference: this purchase is over, and asking again is another one.
    await ledger.record({ status: 'failed', status_detail: outcome.detail, order_id: null, order_reference: crypto.randomUUID() })
  } else if (stuck) {
    // The reference stays: asking again looks for this same order, which may have ended well by then.
    await ledger.record({ status: 'failed', status_detail: `The order was given up after an hour. Ask for the number again to look once more. Last: ${outcome.detail}` })
  } else if (outcome.kind === 'waiting') {
    await ledger.record({ status_detail: outcome.detail })
  }
  if (outcome.kind === 'active' || (outcome.kind === 'waiting' && !stuck)) return outcome
  services.log.warn({ tenantId, numberId: order.id, stuck }, 'a number could not be bought')
  await releaseClaim(services.registry, tenantId, number)
  return { kind: 'failed', detail: outcome.detail }
}

async function tryOrder (services: Needs, following: NamedFollowing, order: OrderRow, ledger: Ledger): Promise<Outcome> {
  const { carrier, registry, config } = services
  const { tenantId, number, signal } = following
  if (!await claimNumber(registry, tenantId, number)) return { kind: 'failed', detail: 'Another organization has taken this number. Choose a different one.' }
  try {
    const profile = await carrier.ensureMessagingProfile(following.profileName, `${publicUrl(config)}/webhooks/telnyx`)
    const atCarrier: OrderAtCarrier = { carrier, number, orderId: order.order_id, reference: `koinonia-${tenantId}-${order.order_reference}`, profileId: profile.id, ...ledger }
    for (const quickLook of [...QUICK_LOOKS, undefined]) {
      const outcome = await findOrPlaceOrder(atCarrier) ?? await setUpNumber(atCarrier, (id) => activateClaim(registry, tenantId, number, id))
      if (outcome.kind !== 'waiting' || quickLook === undefined || signal.aborted) return outcome
      await pause(quickLook, undefined, { signal }).catch(() => undefined)
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { kind: 'waiting', detail: error.message }
  }
  return { kind: 'waiting', detail: 'The carrier is working on the order.' }
}
