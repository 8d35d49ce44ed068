// A collector that is down, slow or failing: requests go on, the log says so, memory stays bounded and the end is not put off.
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { startTracing } from '../../src/open-telemetry.js'
import { buildTestApp } from '../helpers/build.js'
import { captureLog } from '../helpers/capture-log.js'
import { until } from '../helpers/until.js'

type Mood = 'silent' | 'failing'

/** Takes what is sent, counts the spans, and answers as it pleases. */
async function badCollector (t: { teardown: (run: () => Promise<void>) => unknown }) {
  const collector = { mood: 'failing' as Mood, spans: 0, endpoint: '', close: async () => undefined as unknown }
  const answer = (response: ServerResponse): void => { if (collector.mood === 'failing') response.writeHead(500).end() }
  const server = createServer((request, response) => {
    text(request).then((body) => {
      collector.spans += body.split('"spanId"').length - 1
      answer(response)
    }, () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  collector.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  collector.close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(async () => { await collector.close() })
  return collector
}

const failures = (lines: Array<Record<string, unknown>>) => lines.filter(({ msg }) => msg === 'traces could not be sent to the collector')

await t.test('requests are answered as ever while the collector fails, says nothing, or is gone; the log tells each; the service closes within the limit', async (t) => {
  let closing = 0
  await t.test('while it is open', async (t) => {
    const collector = await badCollector(t)
    const { log, lines } = captureLog()
    const test = await buildTestApp(t, { spares: 1, log, config: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } })
    const { headers } = await test.signUp()
    const requests = async () => {
      const [before, begun] = [failures(lines()).length, performance.now()]
      for (let n = 0; n < 20; n++) t.equal((await test.app.inject({ url: '/api/members', headers })).statusCode, 200)
      t.ok(performance.now() - begun < 2_000)
      return await until(async () => failures(lines())[before])
    }
    t.match(await requests(), { level: 40, spans: Number, err: { message: String } })
    collector.mood = 'silent'
    t.match(await requests(), { level: 40, err: Object })
    await collector.close()
    t.match(await requests(), { level: 40, err: { message: /ECONN|socket/ } })
    closing = performance.now()
  })
  t.ok(performance.now() - closing < 5_000, `closed, with its databases dropped, in ${Math.round(performance.now() - closing)} ms`)
})

await t.test('what comes faster than a slow collector takes it is dropped beyond a queue of 4,096 spans and counted in the log', async (t) => {
  const collector = await badCollector(t)
  collector.mood = 'silent'
  const { log, lines } = captureLog()
  const tracing = startTracing({ url: `${collector.endpoint}/v1/traces`, headers: {}, serviceName: 'tests', share: 1 }, log, 500)
  for (let n = 0; n < 20_000; n++) tracing.request('GET /api/members', {}).end({}, false)
  const begun = performance.now()
  await tracing.close()
  t.ok(performance.now() - begun < 2_000, `closed in ${Math.round(performance.now() - begun)} ms`)
  const said = lines().filter(({ msg }) => /^traces were dropped/.test(String(msg))).reduce((sum, { spans }) => sum + Number(spans), 0)
  // Those of the queue, and of the batch that was under way.
  t.ok(collector.spans <= 4_096 + 512, `${collector.spans} sent`)
  t.equal(said + 4_096 + 512, 20_000)
})
