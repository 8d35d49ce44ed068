// How far an import is, as those see it who listen.
import t from 'tap'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv, postImport } from '../../../helpers/import.js'
import { type HeardEvent, listenEvents } from '../../../helpers/listen-events.js'
import { until } from '../../../helpers/until.js'

const test = await buildTestApp(t)
const { app } = test

interface Progress { importId: string, status: string, counts: { rows: number, created: number, updated: number, unchanged: number, duplicates: number, invalid: number } }

const rows = 3_500
/** Every tenth has the number of the one before, every twentieth none. */
const csv = ['phone,name', ...Array.from({ length: rows }, (_, n) => `${n % 20 === 7 ? '' : `+1615${2_000_000 + (n % 10 === 3 ? n - 1 : n)}`},Ann ${n}`)].join('\n')
const countNames = ['created', 'updated', 'unchanged', 'duplicates', 'invalid'] as const
const progressOf = (events: readonly HeardEvent[]): Progress[] => events.map(({ data }) => data as unknown as Progress)
const doneOf = ({ counts }: Progress): number => countNames.reduce((sum, name) => sum + counts[name], 0)

for (const dryRun of [false, true]) {
  void t.test(`each batch is told of as it is done, never backwards, until the end (${dryRun ? 'dry run' : 'in earnest'})`, async (t) => {
    const church = await test.signUp()
    const listening = await listenEvents(app, church.headers, '?types=import.progress')
    t.teardown(listening.close)
    const worker = await test.startWorker()
    const { ended } = await importCsv(app, church, csv, { dryRun })
    await until(async () => progressOf(listening.heard).at(-1)?.status === 'completed')
    await worker.stop()
    const heard = progressOf(listening.heard)
    t.strictSame(heard.map((one) => [one.status, doneOf(one)]), [['running', 1_000], ['running', 2_000], ['running', 3_000], ['running', 3_500], ['completed', 3_500]])
    for (const [index, { importId, counts }] of heard.entries()) {
      const before = heard[index - 1]?.counts
      t.match([importId, counts.rows], [ended.id, rows])
      for (const name of countNames) t.ok(counts[name] >= (before?.[name] ?? 0), name)
    }
    t.strictSame(heard.at(-1)?.counts, ended.counts)
    const ids = listening.heard.map(({ id }) => Number(id))
    t.strictSame(ids, [...ids].sort((one, other) => one - other))

    const again = await listenEvents(app, { ...church.headers, 'last-event-id': listening.heard[1]?.id ?? '' }, '?types=import.progress')
    t.teardown(again.close)
    await until(async () => again.heard.length === 3)
    t.strictSame(again.heard, listening.heard.slice(2), 'who comes back hears the rest')
  })
}

void t.test('the end of a cancelled import is told, and nothing after it', async (t) => {
  const church = await test.signUp()
  const listening = await listenEvents(app, church.headers, '?types=import.progress')
  t.teardown(listening.close)
  const { body: { id } } = await postImport(app, church, csv)
  t.equal((await app.inject({ method: 'POST', url: `/api/members/imports/${id}/cancel`, headers: church.headers })).statusCode, 200)
  await test.startWorker()
  await importCsv(app, church, 'phone\n+16155550101\n')
  await until(async () => progressOf(listening.heard).at(-1)?.status === 'completed')
  t.strictSame(progressOf(listening.heard).filter(({ importId }) => importId === id).map((one) => [one.status, doneOf(one)]), [['cancelled', 0]])
})
