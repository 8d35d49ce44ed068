import t from 'tap'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv } from '../../../helpers/import.js'
import { checksumDatabase } from '../../../isolation/checksum-database.js'

const test = await buildTestApp(t)
const { app, services } = test
await test.startWorker()
const church = await test.signUp()
const api = apiOf(app, church)
const exported = async (query = '') => (await app.inject({ url: `/api/members/export${query}`, headers: church.headers }))

const branch = (await api<{ id: string }>('POST', '/branches', { name: 'St. Paul, "North"; old' })).body.id
for (const person of [
  { firstName: '=HYPERLINK("http://evil.example","Click")', lastName: '@SUM(A1)', phone: '+16155550101', email: 'ada@example.org', birthday: '1990-04-23', timeZone: 'America/Denver', branchIds: [branch], tags: ['a;b', 'choir'], optIn: { source: 'form' } },
  { firstName: "'=already", lastName: '-5', phone: '+4915112345678', custom: { pew: 4, list: [1, 'x'], nick: '+1', '=cmd': "'", empty: null } },
  { firstName: 'Two\nlines', lastName: '"Quoted", O\'Neil', phone: '+16155550103', optOut: undefined }
]) await api('POST', '/members', person)

void t.test('no cell of an export begins as a formula does, but a plain phone number', async (t) => {
  const { body, headers, statusCode } = await exported()
  t.match([statusCode, headers['content-type'], headers['content-disposition']], [200, 'text/csv; charset=utf-8', /members\.csv/])
  t.ok(body.startsWith('\uFEFFphone,firstName,lastName,email,birthday,timeZone,branches,tags,optInState,'))
  const { parse } = await import('csv-parse/sync')
  const rows = parse(body, { bom: true })
  t.equal(rows.length, 4)
  for (const cell of rows.flat()) t.ok(/^\+\d+$/.test(cell) || !/^[=+\-@\t\r\n]/.test(cell), cell)
})

for (const whenExists of ['fill', 'overwrite', 'skip']) {
  void t.test(`importing an export changes nothing (${whenExists})`, async (t) => {
    const sums = async () => {
      const { member_imports: _, member_import_rows: __, audit_log: ___, events: ____, ...rest } = await services.tenancy.withTenant(church.tenantId, checksumDatabase)
      return rest
    }
    const { body } = await exported()
    const before = await sums()
    t.ok(before['members']?.startsWith('3 '))
    const { ended } = await importCsv(app, church, body, { whenExists })
    t.match(ended.counts, { rows: 3, created: 0, updated: 0, unchanged: 3, duplicates: 0, invalid: 0 })
    t.strictSame(await sums(), before)
  })
}

void t.test('an export goes over whole to an organization that has none of it', async (t) => {
  const other = await test.signUp()
  await importCsv(app, other, (await exported()).body, { createBranches: true, optInSource: 'Moved from another account' })
  const again = (await app.inject({ url: '/api/members/export', headers: other.headers })).body
  t.equal(again, (await exported()).body)
})

void t.test('an export takes the filters of the list, is in the audit log, and not for staff', async (t) => {
  t.equal((await exported('?optInState=opted_in&search=ada')).body.trim().split('\r\n').length, 2)
  t.equal((await exported('?tag=none')).body.trim().split('\r\n').length, 1)
  t.equal((await exported('?optInState=x')).statusCode, 400)
  const log = await services.tenancy.withTenant(church.tenantId, (db) => db.selectFrom('audit_log').select(['action', 'after']).where('action', '=', 'members.exported').orderBy('id', 'desc').execute())
  t.match(log[1], { after: { filters: ['optInState', 'search'] } })
  const staff = await test.signUp()
  await services.tenancy.withTenant(staff.tenantId, (db) => db.updateTable('admins').set({ role: 'staff' }).execute())
  t.equal((await app.inject({ url: '/api/members/export', headers: staff.headers })).statusCode, 403)
})
