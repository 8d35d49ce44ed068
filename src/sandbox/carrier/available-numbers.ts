// GET /available_phone_numbers: free numbers of an area code, the same ones each time until they are bought.
import type { FastifyInstance } from 'fastify'
import { areaCodes } from './area-codes.js'
import { sandboxRoute } from './sandbox-route.js'
import { readCount, readQuery } from './read-request.js'
import type { CarrierState } from './state.js'
import { TelnyxError } from './telnyx-error.js'

/** Lines 0100 to 0199 of one exchange after another, from 556: those of 555 belong to nobody, so testers give them to members. */
const linesPerExchange = 100
const exchanges = 800
const defaultAreaCodes = ['615', '312', '404', '512', '206']

export function availableNumberRoutes (app: FastifyInstance, state: CarrierState): void {
  app.get('/available_phone_numbers', sandboxRoute, async (request) => {
    const query = readQuery(request)
    const country = query.get('filter[country_code]') ?? 'US'
    if (country !== 'US') throw new TelnyxError(400, '10015', 'The sandbox has numbers of the US only: leave filter[country_code] out or set it to US.')
    const areaCode = query.get('filter[national_destination_code]') ?? query.get('filter[area_code]')
    if (areaCode !== null && !/^[2-9]\d\d$/.test(areaCode)) {
      throw new TelnyxError(400, '10015', 'filter[national_destination_code] must be a three-digit area code, for example 615.')
    }
    const limit = readCount(query, 'filter[limit]', { byDefault: 10, most: 100 })
    const data = freeNumbers(state, areaCode === null ? defaultAreaCodes : [areaCode], limit).map(describe)
    const meta = { total_results: data.length, best_effort_results: 0 }
    return { data, meta, metadata: meta }
  })
}

/** Whether a number is one that this carrier could sell. */
export function isSellable (phoneNumber: string): boolean {
  return /^\+1[2-9]\d\d[2-9]\d{6}$/.test(phoneNumber)
}

function freeNumbers (state: CarrierState, codes: string[], limit: number): string[] {
  const found: string[] = []
  for (let index = 0; index < exchanges * linesPerExchange; index++) {
    for (const areaCode of codes) {
      const phoneNumber = candidate(areaCode, index)
      if (!state.isTaken(phoneNumber)) found.push(phoneNumber)
      if (found.length === limit) return found
    }
  }
  return found
}

/** The index-th number of an area code. The stride makes neighbours on the list look unlike each other. */
function candidate (areaCode: string, index: number): string {
  const exchange = 200 + (356 + Math.floor(index / linesPerExchange)) % exchanges
  const line = 100 + (index * 37 + Number(areaCode)) % linesPerExchange
  return `+1${areaCode}${exchange}0${line}`
}

function describe (phoneNumber: string) {
  const [place, state] = areaCodes[phoneNumber.slice(2, 5)] ?? []
  return {
    record_type: 'available_phone_number',
    phone_number: phoneNumber,
    vanity_format: null,
    best_effort: false,
    quickship: true,
    reservable: true,
    region_information: [
      ...(place === undefined ? [] : [{ region_type: 'rate_center', region_name: place }]),
      ...(state === undefined ? [] : [{ region_type: 'state', region_name: state }]),
      { region_type: 'country_code', region_name: 'US' }
    ],
    cost_information: { currency: 'USD', monthly_cost: '1.00', upfront_cost: '1.00' },
    features: ['sms', 'mms', 'voice'].map((name) => ({ name }))
  }
}
