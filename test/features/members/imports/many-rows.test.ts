// Many rows in a process of its own, and how much memory they take. IMPORT_ROWS=100000 makes the long run.
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../../../src/config.js'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv } from '../../../helpers/import.js'
import { sql } from 'kysely'

t.setTimeout(180_000)

const total = Number(process.env['IMPORT_ROWS'] ?? 20_000)
const people = total * 0.95
const planted = { duplicate: total * 0.03, badPhone: total * 0.01, badEmail: total * 0.01 }
/** Above what the worker takes when it has just begun, in MB, however many rows: 99, 132 and 191 were seen over a hundred thousand. */
const mostGrowth = 256

void t.test(`${total} rows: every one in the report, and no more memory than for a few`, async (t) => {
  const test = await buildTestApp(t)
  const church = await test.signUp()
  const { config } = test.services
  const settings = Object.fromEntries(Object.entries({ ...config, REGISTRY_DATABASE_URL: test.registry.url, LOG_LEVEL: 'error' }).map(([name, value]) => [name, String(value)]))
  const worker = spawn(process.execPath, [join(packageRoot, 'dist/src/main.js'), 'worker'], { env: { PATH: process.env['PATH'], ...settings }, stdio: ['ignore', 'inherit', 'inherit'] })
  t.teardown(async () => {
    const gone = once(worker, 'exit')
    worker.kill('SIGKILL')
    await gone
  })
  const megabytes = async () => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${worker.pid ?? 0}/status`, 'utf8'))?.[1]) / 1024
  await importCsv(test.app, church, `phone,name\n${Array.from({ length: 1_000 }, (_, index) => `${phoneOf(200_000 + index)},Warm Up`).join('\n')}`, {}, 60_000)
  const begun = await megabytes()
  const seen: number[] = []
  const watching = setInterval(() => { void megabytes().then((now) => seen.push(now)) }, 200)
  const started = Date.now()
  const { ended, report } = await importCsv(test.app, church, [...rows()].join('\n'), {}, 150_000)
  clearInterval(watching)
  const seconds = (Date.now() - started) / 1_000
  t.comment(`${total} rows in ${seconds.toFixed(1)} s; the worker took ${begun.toFixed(0)} MB at the beginning and ${Math.max(...seen).toFixed(0)} MB at most`)
  t.match(ended, { status: 'completed', counts: { rows: total, created: people, updated: 0, unchanged: 0, duplicates: planted.duplicate, invalid: planted.badPhone + planted.badEmail } })
  t.ok(Math.max(...seen) - begun < mostGrowth, `${begun} ${Math.max(...seen)}`)
  t.equal(report.length, total)
  const counted = new Map<string, number>()
  for (const [index, line] of report.entries()) {
    const [row, outcome = '', reason = ''] = line.split(',')
    if (row !== String(index + 2)) t.fail(`line ${index} is about row ${row ?? ''}`)
    const kind = `${outcome} ${reason.replace(/\d+$/, '')}`
    counted.set(kind, (counted.get(kind) ?? 0) + 1)
  }
  t.strictSame(Object.fromEntries(counted), { 'created ': people, 'duplicate same_phone_as_row_': planted.duplicate, 'invalid phone_invalid': planted.badPhone, 'invalid email_invalid': planted.badEmail })
  const { rows: [found] } = await test.services.tenancy.withTenant(church.tenantId, async (db) => await sql<{ members: number }>`SELECT count(*)::integer AS members FROM members`.execute(db))
  t.equal(found?.members, people + 1_000)
})

function * rows (): Generator<string> {
  yield 'phone,first name,last name,email,tags'
  for (let index = 0, person = 0; index < total; index++) {
    const kind = index % 100
    if (kind < 3) yield `${phoneOf(Math.max(0, person - 2_000 * (kind + 1)) % Math.max(person, 1))},Twice,Over,,`
    else if (kind === 3) yield '12,No,Phone,,'
    else if (kind === 4) yield `${phoneOf(150_000 + index)},No,Mail,nothing,`
    else yield `${phoneOf(person)},Ann${person},Person,ann${person++}@example.org,choir`
  }
}

/** In four spellings. */
function phoneOf (person: number): string {
  const [code, exchange, line] = [String(615 + Math.floor(person / 1_000_000)), String(200 + Math.floor(person / 10_000)), String(person % 10_000).padStart(4, '0')]
  return [`(${code}) ${exchange}-${line}`, `+1${code}${exchange}${line}`, `${code}.${exchange}.${line}`, `1 ${code} ${exchange} ${line}`][person % 4] ?? ''
}
