// Phone numbers: read in any spelling, kept in one.
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { problem } from '../../errors.js'

declare const e164Brand: unique symbol
/** `+` and 7 to 15 digits, country code first (ITU-T E.164). */
export type E164 = string & { readonly [e164Brand]: true }

/** Two letters of ISO 3166, of a country that has phone numbers. */
export type Country = CountryCode

/**
 * `country`: where a number without a country code is taken to be; without it such a number is refused.
 * Only the length is held against the country's rules: which ranges are in use changes more often than this code, and
 * the carrier says so when one is not.
 * @throws problem('PHONE_INVALID'), also for a number with an extension
 */
export function normalizePhone (text: string, country?: Country): E164 {
  const phone = readPhone(text, country)
  if (phone === undefined) throw problem('PHONE_INVALID')
  return phone
}

/** Undefined when the text as a whole is not a phone number. */
export function readPhone (text: string, country?: Country): E164 | undefined {
  const parsed = parsePhoneNumberFromString(text, { ...(country === undefined ? {} : { defaultCountry: country }), extract: false })
  if (parsed === undefined || parsed.ext !== undefined || !parsed.isPossible()) return undefined
  return isE164(parsed.number) ? parsed.number : undefined
}

function isE164 (text: string): text is E164 {
  return /^\+[1-9][0-9]{6,14}$/.test(text)
}
