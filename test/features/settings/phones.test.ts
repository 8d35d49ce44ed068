// The country of an organization's phone numbers: where a number without a country code is taken to be, and that nothing is guessed.
import t from 'tap'
import { americanAreaCodes } from '../../../src/features/members/area-codes.js'
import { countryOfZone } from '../../../src/features/settings/phone-country.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { importCsv } from '../../helpers/import.js'

const test = await buildTestApp(t)
const { app, services } = test
await test.startWorker()

const organizationIn = async (timeZone: string) => {
  const organization = await test.signUp('studio', { timeZone })
  return { organization, api: apiOf(app, organization) }
}
const person = (phone: string) => ({ firstName: 'Jörg', lastName: 'Öz', phone })

await t.test('it is that of the time zone until it is set, for what is added, changed, searched and imported', async (t) => {
  const { organization, api } = await organizationIn('Europe/Berlin')
  t.same((await api('GET', '/settings/phones')).body, { country: 'DE', own: null })
  const { body: { id } } = await api<{ id: string }>('POST', '/members', person('0151 12345678'))
  t.match((await api('GET', '/members?search=0151%2F12345678')).body, { items: [{ phone: '+4915112345678' }] })
  t.match((await api('GET', '/conversations?search=015112345678')).status, 200)

  t.same((await api('PATCH', '/settings/phones', { own: 'AT' })).body, { country: 'AT', own: 'AT' })
  t.match((await api('PATCH', `/members/${id}`, { phone: '0664 1234567' })).body, { phone: '+436641234567' })
  const { ended, report } = await importCsv(app, organization, 'phone\n0664 1234568\n+1 615 555 0101\n')
  t.strictSame([ended.defaultCountry, report], ['AT', ['2,created,', '3,created,']])
  t.match((await importCsv(app, organization, 'phone\n0151 12345679\n', { defaultCountry: 'DE' })).ended, { defaultCountry: 'DE', counts: { created: 1 } })
  const { items } = (await api<{ items: Array<{ phone: string }> }>('GET', '/members')).body
  t.strictSame(items.map(({ phone }) => phone).sort(), ['+16155550101', '+436641234567', '+436641234568', '+4915112345679'])

  t.same((await api('PATCH', '/settings/phones', { own: null })).body, { country: 'DE', own: null })
  const log = await services.tenancy.withTenant(organization.tenantId, (db) => db.selectFrom('audit_log').select('after').where('action', '=', 'settings.phones_changed').orderBy('id').execute())
  t.strictSame(log, [{ after: { own: 'AT' } }, { after: { own: null } }])
})

await t.test('where no country is known, a number without its code is refused and told so, row by row; none is taken to be in the US', async (t) => {
  const { organization, api } = await organizationIn('UTC')
  t.same((await api('GET', '/settings/phones')).body, { country: null, own: null })
  t.match(await api('POST', '/members', person('(615) 555-0101')), { status: 400, code: 'PHONE_INVALID' })
  const { ended, report } = await importCsv(app, organization, 'phone\n(615) 555-0101\n+16155550102\n0151 12345678\n12\nno number\n\n""\n ,x\n')
  t.equal(ended.defaultCountry, null)
  t.strictSame(report, ['2,invalid,phone_country_missing', '3,created,', '4,invalid,phone_country_missing', '5,invalid,phone_invalid', '6,invalid,phone_invalid', '9,invalid,more_cells_than_columns'])
  t.match((await importCsv(app, organization, 'phone\n(615) 555-0101\n', { defaultCountry: 'US' })).report, ['2,created,'])
})

await t.test('a country that does not exist is refused, and staff may read but not set it', async (t) => {
  const { organization, api } = await organizationIn('America/Detroit')
  for (const own of ['XX', 'us', '']) t.match(await api('PATCH', '/settings/phones', { own }), { status: 400, code: 'VALIDATION_FAILED' }, own)
  await services.tenancy.withTenant(organization.tenantId, (db) => db.updateTable('admins').set({ role: 'staff' }).execute())
  t.match(await api('PATCH', '/settings/phones', { own: 'CA' }), { status: 403, code: 'ROLE_INSUFFICIENT' })
  t.same((await api('GET', '/settings/phones')).body, { country: 'US', own: null })
})

await t.test('every zone of an American area code is in the US, and an old name of a zone is known as its new one', (t) => {
  for (const zone of Object.keys(americanAreaCodes)) t.equal(countryOfZone(zone), 'US', zone)
  for (const [zone, country] of [['US/Central', 'US'], ['Asia/Calcutta', 'IN'], ['Asia/Kolkata', 'IN'], ['Europe/Kyiv', 'UA'], ['America/Toronto', 'CA'], ['Etc/GMT+5', undefined]] as const) t.equal(countryOfZone(zone), country, zone)
  t.end()
})
