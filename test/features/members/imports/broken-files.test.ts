import { gzipSync } from 'node:zlib'
import t from 'tap'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv, postImport } from '../../../helpers/import.js'

const test = await buildTestApp(t)
const { app } = test
await test.startWorker()
const church = await test.signUp()
const api = apiOf(app, church)

void t.test('what is no CSV file, or broken in it, is told with the line, and nothing is imported', async (t) => {
  const rows = Array.from({ length: 50 }, (_, index) => `61555501${String(index).padStart(2, '0')},A${index}`)
  const utf16 = Buffer.from('\uFEFFphone,name\n6155550101,Ada\n', 'utf16le')
  const broken: Array<[string, string | Buffer, string, RegExp]> = [
    ['a workbook', Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(2_000, 7)]), 'CSV_NOT_TEXT', /Excel workbook.*save it as "CSV UTF-8"/],
    ['an old workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'CSV_NOT_TEXT', /\.xls/],
    ['a gzip file', gzipSync('phone\n6155550101\n'), 'CSV_NOT_TEXT', /gzip/],
    ['a PDF', '%PDF-1.7 …', 'CSV_NOT_TEXT', /PDF/],
    ['nothing', '', 'CSV_EMPTY', /empty/],
    ['blank lines', '\n\n \r\n', 'CSV_EMPTY', /empty/],
    ['a header alone', 'phone,name\n', 'CSV_EMPTY', /no row after the header/],
    ['no header', rows.join('\n'), 'CSV_HEADER_MISSING', /names of the columns/],
    ['no phone', 'name,e-mail\nAda,ada@example.org\n', 'CSV_PHONE_COLUMN_MISSING', /among: name, e-mail/],
    ['an unclosed quote at the end', `phone,name\n${rows.join('\n')}\n6155550199,"Ada\n`, 'CSV_MALFORMED', /begins in line 52 and never closed/],
    ['an unclosed quote before another', `phone,name\n${rows.slice(0, 3).join('\n')}\n6155550199,"Ada\n6155550198,"Bea"\n`, 'CSV_MALFORMED', /row that begins in line 5/],
    ['a quote within a cell', 'phone,name\n6155550101,Ada "A" Okafor\n', 'CSV_MALFORMED', /line 2.*double/],
    ['a huge field', `phone,name\n6155550101,${'x'.repeat(270_000)}\n`, 'CSV_MALFORMED', /line 2 has more than 262144 bytes/],
    ['a NUL byte', 'phone,name\n6155550101,A\0da\n', 'CSV_ENCODING', /NUL byte in line 2/],
    ['UTF-16 without its mark', utf16.subarray(2), 'CSV_ENCODING', /NUL byte in line 1/],
    ['UTF-16 cut in half', utf16.subarray(0, -1), 'CSV_ENCODING', /begins as UTF-16LE/],
    ['no encoding at all', Buffer.from([...Buffer.from('phone,name\n6155550101,'), 0xff, 0x81]), 'CSV_ENCODING', /neither UTF-8 nor Windows-1252, as line 2/]
  ]
  for (const [name, file, code, detail] of broken) t.match((await postImport(app, church, file)).body, { code, detail }, name)
  const options = { columns: { a: 'phone', b: 'phone' } }
  t.match((await postImport(app, church, 'a,b\n1,2\n', options)).body, { code: 'VALIDATION_FAILED', errors: [{ path: '/body/options/columns' }] })
  t.match((await app.inject({ method: 'POST', url: '/api/members/imports', payload: {}, headers: church.headers })).json(), { code: 'IMPORT_UPLOAD_MALFORMED' })
  t.match((await api('GET', '/members/imports')).body, { items: { length: 0 } })
  t.match((await api('GET', '/members')).body, { items: { length: 0 } })
})

void t.test('every encoding, separator and line end that spreadsheets write is read', async (t) => {
  const text = 'phone,last name\n+1 615 555 0101,Müller\n6155550102,"Two, and\nmore"\n'
  const spellings: Array<[string, Buffer]> = [
    ['utf-8', Buffer.from(text)],
    ['utf-8', Buffer.from(`\uFEFF${text}`)],
    ['utf-16le', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['utf-16be', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['windows-1252', Buffer.from(text, 'latin1')],
    ['utf-8', Buffer.from(text.replaceAll(/(?<!and)\n/g, '\r'))],
    ['utf-8', Buffer.from(text.replaceAll(/(?<!and)\n/g, '\r\n'))],
    ['utf-8', Buffer.from(text.replaceAll(/,(?! and)/g, ';'))],
    ['utf-8', Buffer.from(text.replaceAll(/,(?! and)/g, '\t'))]
  ]
  for (const [encoding, file] of spellings) {
    const fresh = await test.signUp()
    const { ended, report } = await importCsv(app, fresh, file)
    t.match([ended.encoding, report], [encoding, ['2,created,', '3,created,']])
    const { items } = (await apiOf(app, fresh)<{ items: Array<{ lastName: string }> }>('GET', '/members')).body
    t.strictSame(items.map(({ lastName }) => lastName), ['Müller', 'Two, and\nmore'])
  }
})
