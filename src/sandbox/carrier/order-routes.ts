// /number_orders: buying numbers. An order is pending for a moment, then succeeds or fails.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { isSellable } from './available-numbers.js'
import { sandboxRoute } from './sandbox-route.js'
import type { NumberOrder } from './model.js'
import { pageOf } from './page-of.js'
import { bodyReader, readParam, readQuery } from './read-request.js'
import type { Schedule } from './schedule.js'
import type { CarrierState } from './state.js'
import { TelnyxError } from './telnyx-error.js'

const readOrder = bodyReader(Type.Object({
  phone_numbers: Type.Array(Type.Object({ phone_number: Type.String() }), { minItems: 1, maxItems: 100 }),
  messaging_profile_id: Type.Optional(Type.String()),
  customer_reference: Type.Optional(Type.String())
}))

export interface OrderOptions {
  schedule: Schedule
  /** Milliseconds an order stays pending. */
  orderDelayMs: number
}

export function orderRoutes (app: FastifyInstance, state: CarrierState, options: OrderOptions): void {
  app.post('/number_orders', sandboxRoute, async (request) => {
    const body = readOrder(request)
    const phoneNumbers = body.phone_numbers.map((line) => line.phone_number)
    for (const phoneNumber of phoneNumbers) {
      if (!isSellable(phoneNumber)) throw new TelnyxError(422, '10015', 'Each phone_number must be a US number in +E.164 form.')
      if (state.number(phoneNumber) !== undefined) throw new TelnyxError(422, '10015', 'The phone number is no longer available: search again and order another.')
    }
    const profileId = body.messaging_profile_id ?? null
    if (profileId !== null && !state.profiles.has(profileId)) throw new TelnyxError(422, '10015', 'There is no messaging profile with this messaging_profile_id.')
    const now = new Date().toISOString()
    const order: NumberOrder = {
      id: randomUUID(),
      status: 'pending',
      profileId,
      customerReference: body.customer_reference ?? null,
      lines: phoneNumbers.map((phoneNumber) => ({ id: randomUUID(), phoneNumber, status: 'pending' })),
      createdAt: now,
      updatedAt: now
    }
    state.record({ set: 'order', value: order })
    awaitOrder(state, options, order)
    return { data: describe(order) }
  })

  app.get('/number_orders', sandboxRoute, async (request) => {
    const query = readQuery(request)
    const reference = query.get('filter[customer_reference]')
    const status = query.get('filter[status]')
    const found = [...state.orders.values()].filter((order) => (reference === null || order.customerReference === reference) && (status === null || order.status === status))
    return pageOf(query, found, describe)
  })

  app.get('/number_orders/:id', sandboxRoute, async (request) => {
    const order = state.orders.get(readParam(request, 'id'))
    if (order === undefined) throw new TelnyxError(404, '10005', 'There is no number order with this id.')
    return { data: describe(order) }
  })
}

/** Ends a pending order when its time has come: also one that a restart interrupted. */
export function awaitOrder (state: CarrierState, { schedule, orderDelayMs }: OrderOptions, order: NumberOrder): void {
  if (order.status === 'pending') schedule.after(orderDelayMs, () => endOrder(state, order))
}

/** Of two orders for one number the first to end gets it; the other fails. */
function endOrder (state: CarrierState, order: NumberOrder): void {
  const updatedAt = new Date().toISOString()
  const status = order.lines.some(({ phoneNumber }) => state.number(phoneNumber) !== undefined) ? 'failure' : 'success'
  if (status === 'success') {
    for (const { phoneNumber } of order.lines) {
      const { profileId, customerReference } = order
      state.record({ set: 'number', value: { id: randomUUID(), phoneNumber, profileId, customerReference, createdAt: updatedAt, updatedAt } })
    }
  }
  state.record({ set: 'order', value: { ...order, status, updatedAt, lines: order.lines.map((line) => ({ ...line, status })) } })
}

function describe (order: NumberOrder) {
  return {
    record_type: 'number_order',
    id: order.id,
    status: order.status,
    phone_numbers_count: order.lines.length,
    phone_numbers: order.lines.map(({ id, phoneNumber, status }) => ({
      record_type: 'number_order_phone_number',
      id,
      phone_number: phoneNumber,
      phone_number_type: 'local',
      country_code: 'US',
      country_iso_alpha2: 'US',
      status,
      requirements_met: true,
      requirements_status: 'approved',
      regulatory_requirements: []
    })),
    sub_number_orders_ids: [],
    requirements_met: true,
    messaging_profile_id: order.profileId,
    customer_reference: order.customerReference,
    connection_id: null,
    billing_group_id: null,
    created_at: order.createdAt,
    updated_at: order.updatedAt
  }
}
