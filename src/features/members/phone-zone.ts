// Where a phone number is at home: the zone whose clocks count for it, and the state whose rules do.
import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { americanAreaCodes, canadianAreaCodes } from './area-codes.js'
import { countryZones } from './country-zones.js'
import { type E164 } from './phone.js'

/** `zone`: of the IANA database; null for numbers of nowhere (toll-free) and of countries with several. `region`: a state of the US. */
export interface PhonePlace { zone: string | null, region: string | null }

const places: ReadonlyMap<string, PhonePlace> = new Map([
  ...Object.entries(americanAreaCodes).flatMap(([zone, states]) => Object.entries(states).flatMap(([region, codes]) => placesOf(codes, { zone, region }))),
  ...Object.entries(canadianAreaCodes).flatMap(([zone, codes]) => placesOf(codes, { zone, region: null }))
])

/** A person may have moved and kept the number: whatever is known of themselves outranks this. */
export function placeOfPhone (phone: E164): PhonePlace {
  const place = phone.startsWith('+1') ? places.get(phone.slice(2, 5)) : undefined
  return place ?? { zone: countryZones.get(parsePhoneNumberFromString(phone)?.country ?? '') ?? null, region: null }
}

/** The same as columns of a member, written whenever the number is. */
export function placeColumns (phone: E164): { phone_zone: string | null, phone_region: string | null } {
  const { zone, region } = placeOfPhone(phone)
  return { phone_zone: zone, phone_region: region }
}

function placesOf (codes: string, place: PhonePlace): Array<[string, PhonePlace]> {
  return codes.split(' ').map((code) => [code, place])
}
