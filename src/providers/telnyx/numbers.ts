// Telnyx's numbers, orders and messaging profiles, through its SDK.
import { type Telnyx } from 'telnyx'
import { problem } from '../../errors.js'
import { type AvailableNumber, type Carrier, type NumberOrder } from '../carrier.js'
import { asRefusal, explainFailure } from './explain-failure.js'

export type CarrierNumbers = Omit<Carrier, 'send' | 'temporaryFailures' | 'slowingFailures' | 'close'>

/** For what may be asked twice. */
const repeatable = { maxRetries: 2 }
/** An order is asked for once: when its answer is lost, findOrder tells whether it was made. Milliseconds. */
const once = { maxRetries: 0, timeout: 30_000 }

/** HTTP statuses that Telnyx answers for a number that somebody else has. */
const notForSale = new Set([404, 409, 422])
const allowedDestinations = ['US', 'CA']

/** Every method throws problem('CARRIER_UNAVAILABLE') when no clear answer comes, problem('CARRIER_REFUSED') when it is no. */
export function createNumbers (client: () => Promise<Telnyx>): CarrierNumbers {
  const ask = async <T>(use: (telnyx: Telnyx) => Promise<T>): Promise<T> => {
    const telnyx = await client()
    return use(telnyx).catch((error: unknown) => { throw explainFailure(error) })
  }
  return {
    availableNumbers: (query) => ask((telnyx) => availableNumbers(telnyx, query)),
    ensureMessagingProfile: (name, webhookUrl) => ask((telnyx) => ensureMessagingProfile(telnyx, name, webhookUrl)),
    async orderNumber (order) {
      const telnyx = await client()
      return placeOrder(telnyx, order)
    },
    getOrder: (orderId) => ask(async (telnyx) => toOrder((await telnyx.numberOrders.retrieve(orderId, repeatable)).data)),
    findOrder: (reference) => ask((telnyx) => findOrder(telnyx, reference)),
    findOwnedNumber: (phoneNumber) => ask((telnyx) => findOwnedNumber(telnyx, phoneNumber)),
    assignMessagingProfile: (providerNumberId, messagingProfileId) => ask(async (telnyx) => {
      await telnyx.phoneNumbers.messaging.update(providerNumberId, { messaging_profile_id: messagingProfileId }, repeatable)
    })
  }
}

async function availableNumbers (telnyx: Telnyx, { areaCode, limit }: { areaCode?: string, limit: number }): Promise<AvailableNumber[]> {
  const { data = [] } = await telnyx.availablePhoneNumbers.list({
    filter: { country_code: 'US', features: ['sms'], limit, ...(areaCode === undefined ? {} : { national_destination_code: areaCode }) }
  }, repeatable)
  return data.flatMap((found) => {
    if (found.phone_number === undefined) return []
    const region = (type: string) => found.region_information?.find(({ region_type: is }) => is === type)?.region_name ?? null
    const dollars = Number(found.cost_information?.monthly_cost ?? Number.NaN)
    return [{
      phoneNumber: found.phone_number,
      locality: region('rate_center') ?? region('location'),
      region: region('state'),
      capabilities: (found.features ?? []).flatMap(({ name }) => name === undefined ? [] : [name]),
      monthlyCostCents: Number.isFinite(dollars) ? Math.round(dollars * 100) : null
    }]
  })
}

async function ensureMessagingProfile (telnyx: Telnyx, name: string, webhookUrl: string): Promise<{ id: string }> {
  // The filter also finds names that only contain ours.
  for await (const profile of telnyx.messagingProfiles.list({ filter: { name } }, repeatable)) {
    if (profile.name !== name || profile.id === undefined) continue
    if (profile.webhook_url !== webhookUrl) await telnyx.messagingProfiles.update(profile.id, { webhook_url: webhookUrl }, repeatable)
    return { id: profile.id }
  }
  const { data } = await telnyx.messagingProfiles.create({ name, webhook_url: webhookUrl, webhook_api_version: '2', whitelisted_destinations: allowedDestinations }, { maxRetries: 0 })
  if (data?.id === undefined) throw new Error('The carrier made a messaging profile without an id.')
  return { id: data.id }
}

async function placeOrder (telnyx: Telnyx, order: { phoneNumber: string, messagingProfileId: string, reference: string }): Promise<NumberOrder> {
  try {
    const { data } = await telnyx.numberOrders.create({
      phone_numbers: [{ phone_number: order.phoneNumber }], messaging_profile_id: order.messagingProfileId, customer_reference: order.reference
    }, once)
    return toOrder(data)
  } catch (error) {
    const refusal = asRefusal(error)
    if (refusal !== undefined && notForSale.has(refusal.status)) throw problem('NUMBER_TAKEN', { detail: `The carrier does not sell this number: ${refusal.detail}`, cause: error })
    throw explainFailure(error)
  }
}

async function findOrder (telnyx: Telnyx, reference: string): Promise<NumberOrder | undefined> {
  for await (const order of telnyx.numberOrders.list({ filter: { customer_reference: reference } }, repeatable)) {
    if (order.customer_reference === reference) return toOrder(order)
  }
  return undefined
}

async function findOwnedNumber (telnyx: Telnyx, phoneNumber: string) {
  // Digits only: with a plus sign nothing is found. The filter matches anywhere in a number.
  for await (const owned of telnyx.phoneNumbers.list({ filter: { phone_number: phoneNumber.replace(/\D/g, '') } }, repeatable)) {
    if (owned.phone_number !== phoneNumber || owned.status !== 'active') continue
    return { providerNumberId: owned.id, messagingProfileId: owned.messaging_profile_id ?? null }
  }
  return undefined
}

function toOrder (order: { id?: string, status?: 'pending' | 'success' | 'failure', requirements_met?: boolean } | undefined): NumberOrder {
  if (order?.id === undefined || order.status === undefined) throw new Error('The carrier described an order without its id or status.')
  const detail = order.requirements_met === false ? 'The carrier asks for documents before it sells this number.' : undefined
  return { orderId: order.id, status: order.status, ...(detail === undefined ? {} : { detail }) }
}
