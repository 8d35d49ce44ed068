// /phone_numbers: the numbers that were bought, and the messaging profile of each.
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { sandboxRoute } from './sandbox-route.js'
import type { OwnedNumber } from './model.js'
import { pageOf } from './page-of.js'
import { bodyReader, readParam, readQuery } from './read-request.js'
import type { CarrierState } from './state.js'
import { TelnyxError } from './telnyx-error.js'

const nullableString = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const readUpdate = bodyReader(Type.Object({ customer_reference: nullableString }))
const readMessaging = bodyReader(Type.Object({ messaging_profile_id: nullableString }))

export function numberRoutes (app: FastifyInstance, state: CarrierState): void {
  app.get('/phone_numbers', sandboxRoute, async (request) => {
    const query = readQuery(request)
    // Telnyx matches digits anywhere in the number and takes it with or without its plus sign.
    const wanted = (query.get('filter[phone_number]') ?? '').replace(/\D/g, '')
    const status = query.get('filter[status]')
    const found = state.numbers().filter(({ phoneNumber }) => phoneNumber.includes(wanted) && (status === null || status === 'active'))
    return pageOf(query, found, (number) => describe(state, number))
  })

  app.get('/phone_numbers/:id', sandboxRoute, async (request) => ({ data: describe(state, known(state, readParam(request, 'id'))) }))

  app.patch('/phone_numbers/:id', sandboxRoute, async (request) => {
    const number = known(state, readParam(request, 'id'))
    const body = readUpdate(request)
    return { data: describe(state, change(state, number, { customerReference: body.customer_reference ?? null })) }
  })

  app.delete('/phone_numbers/:id', sandboxRoute, async (request) => {
    const number = known(state, readParam(request, 'id'))
    state.record({ set: 'released', id: number.id })
    return { data: { ...describe(state, number), status: 'deleted' } }
  })

  app.get('/phone_numbers/:id/messaging', sandboxRoute, async (request) => ({ data: describeMessaging(known(state, readParam(request, 'id'))) }))

  app.patch('/phone_numbers/:id/messaging', sandboxRoute, async (request) => {
    const number = known(state, readParam(request, 'id'))
    const profileId = readMessaging(request).messaging_profile_id
    // As with Telnyx, an empty string or null takes the number off its profile; leaving it out changes nothing.
    if (profileId === undefined) return { data: describeMessaging(number) }
    if (profileId !== null && profileId !== '' && !state.profiles.has(profileId)) {
      throw new TelnyxError(422, '10015', 'There is no messaging profile with this messaging_profile_id.')
    }
    return { data: describeMessaging(change(state, number, { profileId: profileId === '' ? null : profileId })) }
  })
}

function known (state: CarrierState, id: string): OwnedNumber {
  const number = state.number(id)
  if (number === undefined) throw new TelnyxError(404, '10005', 'There is no phone number with this id. (The id of an order is not the id of its number.)')
  return number
}

function change (state: CarrierState, number: OwnedNumber, changes: Partial<OwnedNumber>): OwnedNumber {
  const value = { ...number, ...changes, updatedAt: new Date().toISOString() }
  state.record({ set: 'number', value })
  return value
}

function describe (state: CarrierState, number: OwnedNumber) {
  return {
    record_type: 'phone_number',
    id: number.id,
    phone_number: number.phoneNumber,
    phone_number_type: 'local',
    country_iso_alpha2: 'US',
    status: 'active',
    tags: [],
    external_pin: null,
    deletion_lock_enabled: false,
    source_type: 'number_order',
    connection_id: null,
    connection_name: null,
    billing_group_id: null,
    customer_reference: number.customerReference,
    messaging_profile_id: number.profileId,
    messaging_profile_name: number.profileId === null ? null : state.profiles.get(number.profileId)?.name ?? null,
    purchased_at: number.createdAt,
    created_at: number.createdAt,
    updated_at: number.updatedAt
  }
}

function describeMessaging (number: OwnedNumber) {
  const reach = { domestic_two_way: true, international_inbound: true, international_outbound: true }
  return {
    record_type: 'messaging_settings',
    id: number.id,
    phone_number: number.phoneNumber,
    country_code: 'US',
    type: 'long-code',
    traffic_type: 'A2P',
    messaging_product: 'A2P',
    eligible_messaging_products: ['A2P'],
    messaging_profile_id: number.profileId,
    features: { sms: reach, mms: { domestic_two_way: true, international_inbound: false, international_outbound: false } },
    tags: [],
    created_at: number.createdAt,
    updated_at: number.updatedAt
  }
}
