// Zone and state of a phone number; the tables are held against libphonenumber and against this system's own zones.
import { getCountries, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import t from 'tap'
import { americanAreaCodes, canadianAreaCodes } from '../../../src/features/members/area-codes.js'
import { countryZones } from '../../../src/features/members/country-zones.js'
import { normalizePhone } from '../../../src/features/members/phone.js'
import { placeOfPhone } from '../../../src/features/members/phone-zone.js'
import { isTimeZone } from '../../../src/http/wire.js'

const american = Object.values(americanAreaCodes).flatMap((states) => Object.values(states)).flatMap((codes) => codes.split(' '))
const canadian = Object.values(canadianAreaCodes).flatMap((codes) => codes.split(' '))
/** Numbers of nobody's home: personal, toll-free, machines and premium. */
const nowhere = /^(5(00|2[1-9]|3[23]|44|66|77|88)|8(00|33|44|55|66|77|88)|900|6(00|22|33))$/

void t.test('numbers are where their area code or country is', async (t) => {
  const places: Array<[string, string | null, string | null]> = [
    ['+16155550123', 'America/Chicago', 'TN'], ['+14235550123', 'America/New_York', 'TN'], ['+19155550123', 'America/Denver', 'TX'], ['+12145550123', 'America/Chicago', 'TX'],
    ['+13055550123', 'America/New_York', 'FL'], ['+18505550123', 'America/Chicago', 'FL'], ['+18085550123', 'Pacific/Honolulu', 'HI'], ['+12025550123', 'America/New_York', 'DC'],
    ['+14165550123', 'America/Toronto', null], ['+17095550123', 'America/St_Johns', null], ['+17875550123', 'America/Puerto_Rico', null], ['+16715550123', 'Pacific/Guam', null],
    ['+18005550123', null, null], ['+447911123456', 'Europe/Guernsey', null], ['+4915112345678', 'Europe/Berlin', null], ['+5511912345678', null, null], ['+61412345678', null, null]
  ]
  for (const [phone, zone, region] of places) t.strictSame(placeOfPhone(normalizePhone(phone)), { zone, region }, phone)
})

void t.test('the table of area codes is complete, has each once, and no other country\'s', async (t) => {
  const all = [...american, ...canadian]
  t.equal(new Set(all).size, all.length)
  for (let code = 200; code < 1_000; code++) {
    const number = parsePhoneNumberFromString(`+1${code}2345678`)
    const name = String(code)
    const country = number?.isValid() === true && !nowhere.test(name) ? number.country : undefined
    if (country === 'US') t.ok(american.includes(name), `${name} is American`)
    else if (country === 'CA') t.ok(canadian.includes(name), `${name} is Canadian`)
    else t.notOk(all.includes(name), `${name} is neither`)
  }
  const states = new Set(Object.values(americanAreaCodes).flatMap((byState) => Object.keys(byState)))
  t.equal(states.size, 51, 'every state and the District of Columbia')
})

void t.test('every zone of the tables is one that this system knows, and every country one that has phones', async (t) => {
  const countries: readonly string[] = getCountries()
  for (const zone of [...Object.keys(americanAreaCodes), ...Object.keys(canadianAreaCodes), ...countryZones.values()]) t.ok(isTimeZone(zone), zone)
  for (const country of countryZones.keys()) t.ok(countries.includes(country), country)
})
