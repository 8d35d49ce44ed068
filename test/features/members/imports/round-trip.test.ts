// Export, then import: whatever the API lets a member have comes back, in the same organization and in another.
import t from 'tap'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv } from '../../../helpers/import.js'
import { type SignedUp } from '../../../helpers/sign-up.js'
import { checksumDatabase } from '../../../isolation/checksum-database.js'

const test = await buildTestApp(t)
const { app, services } = test
await test.startWorker()

const count = 150
/** The same members in every run (mulberry32). */
let seed = 20261121
const random = (below: number): number => {
  seed = (seed + 0x6D2B79F5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below
}
const pick = <T>(of: readonly T[]): T => of[random(of.length)]!

const pieces = ['Ann', 'é', 'e\u0301', 'ß', '李', '👩‍👩‍👧', '😀', '=1+1', '+', '-', '@', "'", "''", '"', '""', ',', ';', '|', '\t', '\n', '\r\n', '\r', '  ', '\u00A0', '\u200F', '\uFEFF', '\\', '0123', 'null', 'TRUE', '＝x', '{', ']', 'phone']
const text = (most: number): string => {
  const whole = Array.from({ length: 1 + random(6) }, () => pick(pieces)).join('').trim()
  return Array.from(whole === '' ? 'x' : whole).slice(0, most).join('').trim() || 'x'
}
const value = (): unknown => pick([() => text(500), () => text(500), () => random(1_000) / 8, () => -random(99), () => random(2) === 0, () => [text(20), random(9), null], () => ({ of: text(20), deep: { x: [] } }), () => null, () => ''])()
const keys = ['pew', 'Pew', 'custom.pew', 'phone', 'mail@home.org', '=cmd', "'quoted", 'a, "b"; c', 'constructor', '😀'.repeat(49), '615-555-0101 55']
const day = (): string => new Date(Date.UTC(1900 + random(120), random(12), 1 + random(28))).toISOString().slice(0, 10)

async function fill (church: SignedUp): Promise<void> {
  const api = apiOf(app, church)
  const branches = []
  for (const name of ['North', 'St.  Paul, "North"; old', '=HQ', 'a|b', '-1', "'", 'Two\nlines', '李'.repeat(100)]) branches.push((await api<{ id: string }>('POST', '/branches', { name })).body.id)
  const tags = ['choir', 'a;b', '=tag', '"', "'=", '+49', 'x, y', '😀'.repeat(25), 'é']
  const some = <T>(of: readonly T[]): T[] => of.filter(() => random(4) === 0)
  for (let n = 0; n < count; n++) {
    const { status, body } = await api<{ id: string }>('POST', '/members', {
      firstName: n === 0 ? '😀'.repeat(100) : text(100),
      lastName: random(5) === 0 ? '' : text(100),
      phone: pick(['+1615', '+491512', '+44791']) + String(2_000_000 + n * 7),
      ...(random(2) === 0 ? {} : { email: `o'neil+${n}@example.org`, birthday: day(), timeZone: pick(['America/Denver', 'US/Central', 'Asia/Kolkata']) }),
      branchIds: some(branches),
      tags: some(tags),
      custom: n === 1 ? { pew: '"'.repeat(15_000) } : Object.fromEntries(some(keys).map((key) => [key, value()])),
      ...(random(3) === 0 ? { optIn: { source: 'form' } } : {})
    })
    if (status !== 201) throw new Error(JSON.stringify(body))
    if (random(6) === 0) await api('PATCH', `/members/${body.id}`, { optOut: {} })
  }
}

const exportOf = async ({ headers }: SignedUp): Promise<string> => (await app.inject({ url: '/api/members/export', headers })).body

void t.test(`${count} members of every kind: an import of their export changes nothing here, and makes the same members elsewhere`, async (t) => {
  const church = await test.signUp()
  await fill(church)
  const sums = async () => {
    const { member_imports: _, member_import_rows: __, audit_log: ___, events: ____, ...rest } = await services.tenancy.withTenant(church.tenantId, checksumDatabase)
    return rest
  }
  const [exported, before] = [await exportOf(church), await sums()]
  for (const whenExists of ['fill', 'overwrite']) {
    const { ended, report } = await importCsv(app, church, exported, { whenExists })
    t.match(ended.counts, { rows: count, unchanged: count, invalid: 0 }, whenExists)
    t.strictSame(report.filter((line) => !line.endsWith(',unchanged,')), [], whenExists)
    t.strictSame(await sums(), before, whenExists)
  }
  const other = await test.signUp()
  const { ended, report } = await importCsv(app, other, exported, { createBranches: true, optInSource: 'Moved' })
  t.match(ended.counts, { rows: count, created: count })
  t.strictSame(report.filter((line) => line.includes('invalid')), [])
  t.strictSame((await exportOf(other)).split('\r\n'), exported.split('\r\n'))
})

void t.test('what could not come back is refused in the first place', async (t) => {
  const api = apiOf(app, await test.signUp())
  const person = { firstName: 'Ada', lastName: 'O', phone: '+16155550101' }
  const tomorrow = new Date(services.clock.now().getTime() + 86_400_000).toISOString().slice(0, 10)
  for (const more of [{ custom: { ' pew': 1 } }, { custom: { 'a\nb': 1 } }, { custom: { '': 1 } }, { custom: { x: 'x'.repeat(32_001) } }, { birthday: tomorrow }, { birthday: '1899-12-31' }]) {
    t.match(await api('POST', '/members', { ...person, ...more }), { status: 400, code: 'VALIDATION_FAILED' }, JSON.stringify(more).slice(0, 40))
  }
  t.match(await api('POST', '/members', { ...person, custom: { x: 'x'.repeat(31_900) }, birthday: '1900-01-01' }), { status: 201 })
})
