// The requests of Telnyx's API as Telnyx publishes them: every field there is, and no other.
// Source: https://github.com/team-telnyx/openapi (spec3, version 2.0.0, 26 February 2026) and, where it is newer, the SDK 7.24.0 made from it.
import Type, { type TObject, type TProperties, type TSchema } from 'typebox'

export interface PublishedRequest {
  /** By the names on the wire, such as `filter[name]`. */
  query?: TObject
  body?: TObject
}

const closed = <Fields extends TProperties>(fields: Fields) => Type.Object(fields, { additionalProperties: false })
const optional = (fields: TProperties): TProperties => Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)]))
const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()])
const oneOf = (words: readonly string[]): TSchema => Type.String({ pattern: `^(${words.join('|')})$` })
/** Several in one parameter, as the SDK writes them. */
const listOf = (words: readonly string[]): TSchema => Type.String({ pattern: `^(${words.join('|')})(,(${words.join('|')}))*$` })

const text = Type.String()
const flag = Type.Boolean()
const url = Type.String({ pattern: '^https?://[^\\s]+$' })
// An empty one takes the URL away.
const urlOrNone = orNull(Type.String({ pattern: '^(https?://[^\\s]+)?$' }))
const destinations = Type.Array(Type.String({ pattern: '^[A-Z]{2}$' }))
const flagText = oneOf(['true', 'false'])
const countText = Type.String({ pattern: '^[1-9]\\d*$' })

const inside = (name: string, fields: TProperties): TProperties => Object.fromEntries(Object.entries(fields).map(([field, schema]) => [`${name}[${field}]`, schema]))
const page = inside('page', { number: countText, size: Type.String({ pattern: '^([1-9]|[1-9]\\d|1\\d\\d|2[0-4]\\d|250)$' }) })
const query = (fields: TProperties) => closed(optional(fields))
const partly = { starts_with: text, ends_with: text, contains: text }
const numberTypes = ['local', 'toll_free', 'mobile', 'national', 'shared_cost']

const profileSettings = optional({
  enabled: flag,
  webhook_url: urlOrNone,
  webhook_failover_url: urlOrNone,
  webhook_api_version: oneOf(['1', '2', '2010-04-01']),
  number_pool_settings: orNull(closed({ toll_free_weight: Type.Number(), long_code_weight: Type.Number(), skip_unhealthy: flag, ...optional({ sticky_sender: flag, geomatch: flag }) })),
  url_shortener_settings: orNull(closed({ domain: text, ...optional({ prefix: text, replace_blacklist_only: flag, send_webhooks: flag }) })),
  alpha_sender: orNull(Type.String({ pattern: '^[A-Za-z0-9 ]{1,11}$' })),
  daily_spend_limit: Type.String({ pattern: '^[0-9]+(?:\\.[0-9]+)?$' }),
  daily_spend_limit_enabled: flag,
  // The one place where fields are left open.
  features: orNull(Type.Object({ ai_opt_out_detection_enabled: Type.Optional(flag) })),
  mms_fall_back_to_sms: flag,
  mms_transcoding: flag,
  mobile_only: flag,
  smart_encoding: flag,
  ai_assistant_id: orNull(Type.String({ maxLength: 64 }))
})

/** By method and path below the API's base. */
export const publishedRequests: Readonly<Record<string, PublishedRequest>> = {
  'POST /messages': {
    body: closed({
      to: text,
      ...optional({
        from: text,
        messaging_profile_id: text,
        text: Type.String({ minLength: 1 }),
        subject: text,
        media_urls: Type.Array(url),
        webhook_url: url,
        webhook_failover_url: url,
        use_profile_webhooks: flag,
        type: oneOf(['SMS', 'MMS']),
        auto_detect: flag,
        send_at: orNull(Type.String({ format: 'date-time' })),
        encoding: oneOf(['auto', 'gsm7', 'ucs2'])
      })
    })
  },
  'GET /messages/:id': {},
  'GET /available_phone_numbers': {
    query: query({
      ...inside('filter', {
        locality: text,
        administrative_area: text,
        country_code: text,
        national_destination_code: text,
        rate_center: text,
        phone_number_type: oneOf(numberTypes),
        features: listOf(['sms', 'mms', 'voice', 'fax', 'emergency', 'hd_voice', 'international_sms', 'local_calling']),
        limit: countText,
        best_effort: flagText,
        quickship: flagText,
        reservable: flagText,
        exclude_held_numbers: flagText
      }),
      ...inside('filter[phone_number]', partly)
    })
  },
  'POST /number_orders': {
    body: closed(optional({
      phone_numbers: Type.Array(closed({ phone_number: text, ...optional({ requirement_group_id: text, bundle_id: text }) })),
      connection_id: text,
      messaging_profile_id: text,
      billing_group_id: text,
      customer_reference: text
    }))
  },
  'GET /number_orders': {
    query: query({
      ...page,
      ...inside('filter', { status: text, phone_numbers_count: text, customer_reference: text, requirements_met: flagText }),
      ...inside('filter[created_at]', { gt: text, lt: text })
    })
  },
  'GET /number_orders/:id': {},
  'GET /phone_numbers': {
    query: query({
      ...page,
      sort: oneOf(['purchased_at', 'phone_number', 'connection_name', 'usage_payment_method']),
      handle_messaging_profile_error: flagText,
      ...inside('filter', {
        tag: text,
        without_tags: flagText,
        phone_number: text,
        status: oneOf(['purchase-pending', 'purchase-failed', 'port-pending', 'active', 'deleted', 'port-failed', 'emergency-only', 'ported-out', 'port-out-pending']),
        country_iso_alpha2: text,
        connection_id: text,
        'voice.usage_payment_method': oneOf(['pay-per-minute', 'channel']),
        billing_group_id: text,
        emergency_address_id: text,
        customer_reference: text,
        source: oneOf(['ported', 'purchased'])
      }),
      ...inside('filter[voice.connection_name]', { ...partly, eq: text }),
      'filter[number_type][eq]': oneOf(numberTypes)
    })
  },
  'GET /phone_numbers/:id': {},
  'PATCH /phone_numbers/:id': {
    body: closed(optional({
      tags: Type.Array(text), external_pin: text, hd_voice_enabled: flag, customer_reference: text, address_id: text, connection_id: text, billing_group_id: text
    }))
  },
  'DELETE /phone_numbers/:id': {},
  'GET /phone_numbers/:id/messaging': {},
  'PATCH /phone_numbers/:id/messaging': { body: closed(optional({ messaging_profile_id: text, messaging_product: text, tags: Type.Array(text) })) },
  'GET /messaging_profiles': { query: query({ ...page, 'filter[name]': text, 'filter[name][eq]': text, 'filter[name][contains]': text }) },
  'POST /messaging_profiles': {
    body: closed({ name: text, whitelisted_destinations: destinations, ...profileSettings, ...optional({ resource_group_id: orNull(Type.String({ maxLength: 64 })), health_webhook_url: orNull(url) }) })
  },
  'GET /messaging_profiles/:id': {},
  'PATCH /messaging_profiles/:id': {
    body: closed({ ...profileSettings, ...optional({ name: text, whitelisted_destinations: destinations, v1_secret: text, redaction_enabled: flag, redaction_level: Type.Number() }) })
  }
}
