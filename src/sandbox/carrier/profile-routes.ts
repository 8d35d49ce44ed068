// /messaging_profiles: where the events of a group of numbers go.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { sandboxRoute } from './sandbox-route.js'
import type { Profile } from './model.js'
import { pageOf } from './page-of.js'
import { bodyReader, readParam, readQuery } from './read-request.js'
import type { CarrierState } from './state.js'
import { TelnyxError } from './telnyx-error.js'

const nullableUrl = Type.Optional(Type.Union([Type.String({ pattern: '^(https?://.*)?$' }), Type.Null()]))
const optional = { enabled: Type.Optional(Type.Boolean()), webhook_url: nullableUrl, webhook_failover_url: nullableUrl }
const destinations = Type.Array(Type.String({ pattern: '^([A-Z]{2}|\\*)$' }), { minItems: 1 })

const readNew = bodyReader(Type.Object({ name: Type.String({ minLength: 1 }), whitelisted_destinations: destinations, ...optional }))
const readChange = bodyReader(Type.Object({
  name: Type.Optional(Type.String({ minLength: 1 })), whitelisted_destinations: Type.Optional(destinations), ...optional
}))

export function profileRoutes (app: FastifyInstance, state: CarrierState): void {
  app.post('/messaging_profiles', sandboxRoute, async (request) => {
    const body = readNew(request)
    const now = new Date().toISOString()
    const profile: Profile = {
      id: randomUUID(),
      name: body.name,
      enabled: body.enabled ?? true,
      webhookUrl: given(body.webhook_url) ?? null,
      webhookFailoverUrl: given(body.webhook_failover_url) ?? null,
      whitelistedDestinations: body.whitelisted_destinations,
      createdAt: now,
      updatedAt: now
    }
    state.record({ set: 'profile', value: profile })
    return { data: describe(profile) }
  })

  app.get('/messaging_profiles', sandboxRoute, async (request) => {
    const query = readQuery(request)
    const name = query.get('filter[name]') ?? ''
    return pageOf(query, [...state.profiles.values()].filter((profile) => profile.name.includes(name)), describe)
  })

  app.get('/messaging_profiles/:id', sandboxRoute, async (request) => ({ data: describe(known(state, readParam(request, 'id'))) }))

  app.patch('/messaging_profiles/:id', sandboxRoute, async (request) => {
    const profile = known(state, readParam(request, 'id'))
    const body = readChange(request)
    const webhookUrl = given(body.webhook_url)
    const failoverUrl = given(body.webhook_failover_url)
    const value: Profile = {
      ...profile,
      name: body.name ?? profile.name,
      enabled: body.enabled ?? profile.enabled,
      whitelistedDestinations: body.whitelisted_destinations ?? profile.whitelistedDestinations,
      webhookUrl: webhookUrl === undefined ? profile.webhookUrl : webhookUrl,
      webhookFailoverUrl: failoverUrl === undefined ? profile.webhookFailoverUrl : failoverUrl,
      updatedAt: new Date().toISOString()
    }
    state.record({ set: 'profile', value })
    return { data: describe(value) }
  })
}

/** An empty URL is none. */
function given (url: string | null | undefined): string | null | undefined {
  return url === '' ? null : url
}

function known (state: CarrierState, id: string): Profile {
  const profile = state.profiles.get(id)
  if (profile === undefined) throw new TelnyxError(404, '10005', 'There is no messaging profile with this id.')
  return profile
}

function describe (profile: Profile) {
  return {
    record_type: 'messaging_profile',
    id: profile.id,
    name: profile.name,
    enabled: profile.enabled,
    webhook_url: profile.webhookUrl,
    webhook_failover_url: profile.webhookFailoverUrl,
    webhook_api_version: '2',
    whitelisted_destinations: profile.whitelistedDestinations,
    number_pool_settings: null,
    url_shortener_settings: null,
    alpha_sender: null,
    smart_encoding: false,
    mms_fall_back_to_sms: false,
    mms_transcoding: false,
    created_at: profile.createdAt,
    updated_at: profile.updatedAt
  }
}
