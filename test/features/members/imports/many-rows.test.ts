// Many rows, from the upload to the export, in a process of its own, and what stays in its memory. IMPORT_ROWS=100000 makes the long run.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { type Import } from '../../../../src/features/members/imports/schemas.js'
import { buildTestApp } from '../../../helpers/build.js'
import { type ServiceProcess, startProcess } from '../../../helpers/service-process.js'
import { until } from '../../../helpers/until.js'

const total = Number(process.env['IMPORT_ROWS'] ?? 20_000)
const people = total * 0.95
const planted = { duplicate: total * 0.03, badPhone: total * 0.01, badEmail: total * 0.01 }
/** In bytes, between a fifth of the rows and the end: what is in hand at the moment of a reading. Whoever kept the rows would need more than twice as much. */
const mostGrowth = 4_000_000
const patienceMs = 600_000

t.setTimeout(patienceMs + 60_000)

interface Reading { done: number, memory: number }

void t.test(`${total} rows: every one in the report and in the export, and no more memory for many than for few`, async (t) => {
  const test = await buildTestApp(t)
  const church = await test.signUp()
  const service = await startProcess(test, 'serve')
  t.teardown(service.kill)
  const at = async (path: string, init: RequestInit = {}) => await fetch(`${service.url}/api/members/${path}`, { ...init, headers: church.headers })
  const body = new FormData()
  body.append('file', new Blob([[...rows()].join('\n')], { type: 'text/csv' }), 'members.csv')
  const started = Date.now()
  const { id } = await (await at('imports', { method: 'POST', body })).json() as Import
  const { ended, readings } = await watch(async () => await (await at(`imports/${id}`)).json() as Import, service)
  const seconds = (Date.now() - started) / 1_000
  t.match(ended, { status: 'completed', counts: { rows: total, created: people, updated: 0, unchanged: 0, duplicates: planted.duplicate, invalid: planted.badPhone + planted.badEmail } })

  const begun = least(readings, 0.2, 0.5)
  const late = least(readings, 0.8, 1)
  const after = await service.memory()
  t.comment(`${total} rows in ${seconds.toFixed(1)} s; MB in use at the beginning, towards the end, after it: ${[begun, late, after].map((bytes) => (bytes / 1e6).toFixed(1)).join(', ')}`)
  t.ok(late - begun < mostGrowth, `${begun} ${late}`)
  t.ok(after - begun < mostGrowth, `${begun} ${after}`)

  checkReport(t, (await (await at(`imports/${id}/report`)).text()).split('\r\n').slice(1, -1))
  const exported = (await (await at('export')).text()).split('\r\n').slice(1, -1)
  t.equal(new Set(exported.map((line) => line.split(',')[0])).size, people)
  const { rows: [found] } = await test.services.tenancy.withTenant(church.tenantId, async (db) => await sql<{ members: number }>`SELECT count(*)::integer AS members FROM members`.execute(db))
  t.equal(found?.members, people)
})

async function watch (read: () => Promise<Import>, service: ServiceProcess): Promise<{ ended: Import, readings: Reading[] }> {
  const readings: Reading[] = []
  const ended = await until(async () => {
    const now = await read()
    if (now.finishedAt !== null) return now
    const { rows: _, ...counts } = now.counts
    readings.push({ done: Object.values(counts).reduce((sum, count) => sum + count, 0), memory: await service.memory() })
    await pause(total / 200)
    return undefined
  }, patienceMs)
  return { ended, readings }
}

/** Of what was read while this much was done: what a batch has in hand at the moment does not count. */
function least (readings: readonly Reading[], from: number, to: number): number {
  return Math.min(...readings.filter(({ done }) => done >= from * total && done <= to * total).map(({ memory }) => memory))
}

function checkReport (t: { fail: (why: string) => unknown, equal: (one: unknown, other: unknown) => unknown, strictSame: (one: unknown, other: unknown) => unknown }, report: readonly string[]): void {
  t.equal(report.length, total)
  const counted = new Map<string, number>()
  for (const [index, line] of report.entries()) {
    const [row, outcome = '', reason = ''] = line.split(',')
    if (row !== String(index + 2)) t.fail(`line ${index} is about row ${row ?? ''}`)
    const kind = `${outcome} ${reason.replace(/\d+$/, '')}`
    counted.set(kind, (counted.get(kind) ?? 0) + 1)
  }
  t.strictSame(Object.fromEntries(counted), { 'created ': people, 'duplicate same_phone_as_row_': planted.duplicate, 'invalid phone_invalid': planted.badPhone, 'invalid email_invalid': planted.badEmail })
}

function * rows (): Generator<string> {
  yield 'phone,first name,last name,email,tags'
  for (let index = 0, person = 0; index < total; index++) {
    const kind = index % 100
    if (kind < 3) yield `${phoneOf(Math.max(0, person - 2_000 * (kind + 1)) % Math.max(person, 1))},Twice,Over,,`
    else if (kind === 3) yield '12,No,Phone,,'
    else if (kind === 4) yield `${phoneOf(2_000_000 + index)},No,Mail,nothing,`
    else yield `${phoneOf(person)},Ann${person},Person,ann${person++}@example.org,choir`
  }
}

/** In four spellings. */
function phoneOf (person: number): string {
  const [code, exchange, line] = [String(615 + Math.floor(person / 1_000_000)), String(200 + Math.floor(person / 10_000) % 100), String(person % 10_000).padStart(4, '0')]
  return [`(${code}) ${exchange}-${line}`, `+1${code}${exchange}${line}`, `${code}.${exchange}.${line}`, `1 ${code} ${exchange} ${line}`][person % 4] ?? ''
}
