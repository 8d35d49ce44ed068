import { sql } from 'kysely'
import t from 'tap'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fieldCrypto } from '../../../../src/crypto/fields.js'
import { type Member } from '../../../../src/features/members/schemas.js'
import { optOut } from '../../../../src/features/members/opt-out.js'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv, postImport, reportOf } from '../../../helpers/import.js'
import { type SignedUp } from '../../../helpers/sign-up.js'
import { until } from '../../../helpers/until.js'

const test = await buildTestApp(t)
const { app, services } = test
await test.startWorker()

async function memberWith (caller: SignedUp, phone: string): Promise<Member | undefined> {
  return (await apiOf(app, caller)<{ items: Member[] }>('GET', `/members?search=${encodeURIComponent(phone)}`)).body.items[0]
}

void t.test('one row of each kind: the counts and the report are exact', async (t) => {
  const church = await test.signUp()
  await apiOf(app, church)('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone: '+16155550101', email: 'ada@example.org' })
  await apiOf(app, church)('POST', '/members', { firstName: 'Bea', lastName: 'Lane', phone: '+16155550102' })
  const csv = [
    'First Name;Last Name;Cell Phone;E-Mail;Date of Birth;Groups',
    'Ada;Okafor;(615) 555-0101;ada@example.org;;', // there, and nothing new
    'Bea;Lane;615.555.0102;bea@example.org;4/23/1990;"choir; ushers"', // there, and some new
    'Cleo;Stone;+1 615 555 0103;;23.4.1990;Choir',
    '', // blank: no row
    'Cleo;Stone;6155550103;cleo@example.org;;', // the same phone once more
    'Dan;;12;;;',
    'Eve;;;;;',
    'Finn;;6155550104;no mail;;',
    'Gus;;6155550105;;13/45/1990;',
    'Hal;;6155550106;;;;more',
    'Ida;;6155550107'
  ].join('\r\n')
  const { ended, report } = await importCsv(app, church, csv)
  t.match(ended, { status: 'completed', dryRun: false, fileName: 'members.csv', encoding: 'utf-8', counts: { rows: 10, created: 2, updated: 1, unchanged: 1, duplicates: 1, invalid: 5 } })
  t.strictSame(report, [
    '2,unchanged,', '3,updated,', '4,created,', '6,duplicate,same_phone_as_row_4', '7,invalid,phone_invalid', '8,invalid,phone_missing', '9,invalid,email_invalid',
    '10,invalid,birthday_invalid', '11,invalid,more_cells_than_columns', '12,created,'
  ])
  t.match(await memberWith(church, '+16155550102'), { email: 'bea@example.org', birthday: '1990-04-23', tags: ['choir', 'ushers'], optInState: 'pending' })
  t.match(await memberWith(church, '+16155550103'), { firstName: 'Cleo', email: 'cleo@example.org', birthday: '1990-04-23', tags: ['choir'] }, 'the second row of the same person filled what was empty')
  t.match((await reportOf(app, church, ended.id))[0], new RegExp(`^2,unchanged,,${(await memberWith(church, '+16155550101'))?.id ?? ''}$`))
  const { rows } = await services.tenancy.withTenant(church.tenantId, async (db) => await sql<{ phone_zone: string, phone_region: string }>`SELECT phone_zone, phone_region FROM members WHERE first_name = 'Cleo'`.execute(db))
  t.strictSame(rows, [{ phone_zone: 'America/Chicago', phone_region: 'TN' }])
  const kept = await readdir(join(services.config.DATA_DIR, 'media'), { recursive: true, withFileTypes: true })
  t.strictSame(kept.filter((one) => one.isFile()), [], 'the file is gone')
})

void t.test('fill keeps what is there, overwrite takes what the row has, skip leaves alone; an empty cell never erases', async (t) => {
  for (const [policy, expected, outcome] of [['fill', { firstName: 'Ada', email: 'new@example.org', tags: ['choir', 'new'] }, '2,updated,'], ['overwrite', { firstName: 'Adah', email: 'new@example.org', tags: ['choir', 'new'] }, '2,updated,'],
    ['skip', { firstName: 'Ada', email: null, tags: ['choir'] }, '2,unchanged,member_exists']] as const) {
    const church = await test.signUp()
    await apiOf(app, church)('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone: '+16155550101', birthday: '1990-04-23', tags: ['choir'], custom: { pew: 4, nick: 'A' } })
    const { report } = await importCsv(app, church, 'phone,first,last,email,dob,tags,custom.pew,custom.nick\n6155550101,Adah,,new@example.org,,new,4,\n', { whenExists: policy })
    t.strictSame(report, [outcome], policy)
    t.match(await memberWith(church, '+16155550101'), { ...expected, lastName: 'Okafor', birthday: '1990-04-23', custom: { pew: 4, nick: 'A' } }, policy)
  }
})

void t.test('nobody is opted in without evidence, and whoever has opted out stays so', async (t) => {
  const church = await test.signUp()
  const fields = fieldCrypto(services.keyring, church.tenantId)
  await apiOf(app, church)('POST', '/members', { firstName: 'Ada', lastName: 'Out', phone: '+16155550101', optOut: undefined })
  await services.tenancy.withTenant(church.tenantId, async (db) => await db.transaction().execute(async (trx) => {
    for (const phone of ['+16155550101', '+16155550102']) await optOut(trx, { phoneHash: fields.blindIndex(phone), source: 'keyword', evidence: { words: 'STOP' } })
  }))
  const csv = 'phone,name,opt in,opt in source\n6155550101,Ada Out,yes,card\n6155550102,Bea Out,yes,card\n6155550103,Cleo In,yes,card\n6155550104,Dan Unproven,yes,\n6155550105,Eve No,no,card\n6155550106,Finn Gone,unsubscribed,\n'
  const { report, ended } = await importCsv(app, church, csv)
  t.strictSame(report, ['2,unchanged,opted_out_stays', '3,created,opted_out_stays', '4,created,', '5,created,opt_in_without_evidence', '6,created,', '7,created,opted_out'])
  const states = await Promise.all([101, 102, 103, 104, 105, 106].map(async (line) => (await memberWith(church, `+16155550${line}`))?.optInState))
  t.strictSame(states, ['opted_out', 'opted_out', 'opted_in', 'pending', 'pending', 'opted_out'])
  const log = await services.tenancy.withTenant(church.tenantId, (db) => db.selectFrom('consent_logs').select(['action', 'member_id', 'evidence']).where('source', '=', 'import').orderBy('action').execute())
  t.match(log, [{ action: 'granted', evidence: { importId: ended.id, row: 4, source: 'card', note: null } }, { action: 'withdrawn', evidence: { importId: ended.id, row: 7 } }])
  t.equal(log[0]?.member_id, (await memberWith(church, '+16155550103'))?.id)
  const all = await importCsv(app, church, 'phone\n6155550104\n6155550107\n', { optInSource: 'Form', optInNote: 'Signed' })
  t.strictSame(all.report, ['2,updated,', '3,created,'])
  t.equal((await memberWith(church, '+16155550107'))?.optInState, 'opted_in')
})

void t.test('a dry run reports the same and changes nothing', async (t) => {
  const church = await test.signUp()
  const csv = 'phone,name,tags,campus\n6155550101,Ada Okafor,choir,North\n6155550101,Ada Again,,\n1,x,,\n'
  const dry = await importCsv(app, church, csv, { dryRun: true, createBranches: true })
  t.match(dry.ended, { dryRun: true, counts: { rows: 3, created: 1, duplicates: 1, invalid: 1 } })
  t.strictSame((await reportOf(app, church, dry.ended.id)).map((line) => line.split(',')[3]), ['', '', ''])
  for (const list of ['members', 'tags', 'branches']) t.match((await apiOf(app, church)('GET', `/${list}`)).body, { items: { length: 0 } }, list)
  t.strictSame((await importCsv(app, church, csv, { createBranches: true })).report, dry.report)
  t.match(await memberWith(church, '+16155550101'), { branches: [{ name: 'North' }], tags: ['choir'] })
  t.strictSame((await importCsv(app, church, 'phone,campus\n6155550102,South\n')).report, ['2,invalid,branch_unknown'])
  t.strictSame((await importCsv(app, church, 'phone,tags\n6155550102,unheard\n', { createTags: false })).report, ['2,invalid,tag_unknown'])
})

void t.test('columns as the caller names them, a country, an order of days', async (t) => {
  const studio = await test.signUp('studio')
  const csv = 'Rufnr,Vorname,Nachname,Geburtstag,Spind,Notiz\n0151 12345678,Jörg,Öz,3/4/1990,12,x\n'
  const { ended, report } = await importCsv(app, studio, csv, { defaultCountry: 'DE', columns: { rufnr: 'phone', Notiz: null }, unknownColumns: 'custom' })
  t.strictSame(report, ['2,created,'])
  t.strictSame(ended.columns.map(({ field }) => field), ['phone', 'firstName', 'lastName', 'birthday', 'custom.Spind', null])
  t.match(await memberWith(studio, '+4915112345678'), { firstName: 'Jörg', lastName: 'Öz', birthday: '1990-04-03', custom: { Spind: '12' } })
  t.match(await postImport(app, studio, csv, { columns: { Missing: 'phone' } }), { status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ path: '/body/options/columns/Missing' }] } })
  t.match(await postImport(app, studio, csv, { colums: {} }), { status: 400, body: { code: 'VALIDATION_FAILED' } })
})

void t.test('one import at a time; a cancelled one stops, keeps what it did, and lets the next begin', async (t) => {
  const other = await buildTestApp(t)
  const church = await other.signUp()
  const first = await postImport(other.app, church, 'phone\n6155550101\n')
  t.match(first, { status: 202, body: { status: 'queued' } })
  t.match(await postImport(other.app, church, 'phone\n6155550101\n'), { status: 409, body: { code: 'IMPORT_UNFINISHED' } })
  const api = apiOf(other.app, church)
  t.match(await api('POST', `/members/imports/${first.body.id}/cancel`), { status: 200, body: { status: 'cancelled' } })
  t.match(await api('POST', `/members/imports/${first.body.id}/cancel`), { status: 409, code: 'IMPORT_FINISHED' })
  t.match((await postImport(other.app, church, 'phone\n6155550102\n')).status, 202)
  await other.startWorker()
  await until(async () => (await api<{ items: unknown[] }>('GET', '/members')).body.items.length === 1)
  t.match((await api('GET', '/members')).body, { items: [{ phone: '+16155550102' }] })
  t.match((await api('GET', '/members/imports?limit=1')).body, { items: [{ counts: { rows: 1 } }], nextCursor: String })
  const staff = await other.signUp()
  await other.services.tenancy.withTenant(staff.tenantId, (db) => db.updateTable('admins').set({ role: 'staff' }).execute())
  t.match(await postImport(other.app, staff, 'phone\n6155550101\n'), { status: 403, body: { code: 'ROLE_INSUFFICIENT' } })
})
