// The country in which an organization's phone numbers are taken to be when they are written without a country code.
import { getCountries, isSupportedCountry } from 'libphonenumber-js/min'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { type Country } from '../members/phone.js'
import { findSettings, saveSettings } from './queries.js'
import { type PhoneChanges, type PhoneSettings } from './schemas.js'

/** Zone → country. Made when it is first asked for: it takes a moment. */
let countries: ReadonlyMap<string, Country> | undefined

/** `own`, or else the country of the organization's time zone; undefined when that is nowhere, as UTC is. */
export async function countryOf (db: TenantDb, tenant: Pick<Tenant, 'timeZone'>): Promise<Country | undefined> {
  return (await readPhoneSettings(db, tenant)).country ?? undefined
}

/** For a list: asked only where something is searched for. */
export async function searchedCountry ({ db, tenant, query }: { db: TenantDb, tenant: Tenant, query: { search?: string } }): Promise<Country | undefined> {
  return query.search === undefined ? undefined : await countryOf(db, tenant)
}

export async function readPhoneSettings (db: TenantDb, { timeZone }: Pick<Tenant, 'timeZone'>): Promise<PhoneSettings> {
  const { country } = await findSettings(db)
  const own = country !== null && isSupportedCountry(country) ? country : null
  return { own, country: own ?? countryOfZone(timeZone) ?? null }
}

export async function changePhoneSettings (db: TenantDb, tenant: Pick<Tenant, 'timeZone'>, { own }: PhoneChanges, by: RequestedBy): Promise<PhoneSettings> {
  return await db.transaction().execute(async (trx) => {
    await saveSettings(trx, { country: own })
    await recordAudit(trx, by, { action: 'settings.phones_changed', subjectKind: 'settings', subjectId: 'phones', after: { own } })
    return await readPhoneSettings(trx, tenant)
  })
}

/** As the Unicode CLDR has it; an older name of a zone is read as its newer one. */
export function countryOfZone (zone: string): Country | undefined {
  countries ??= new Map(getCountries().flatMap((country) => zonesOf(country).map((name): [string, Country] => [name, country])))
  return countries.get(Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone)
}

function zonesOf (region: Country): string[] {
  // Node 20 has them as a property, later ones as a method.
  const locale: Intl.Locale & { timeZones?: string[], getTimeZones?: () => string[] } = new Intl.Locale('und', { region })
  return locale.getTimeZones?.() ?? locale.timeZones ?? []
}
