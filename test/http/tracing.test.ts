// What a collector is told of a request and of a job, and what it is never told.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.js'
import { buildTestApp } from '../helpers/build.js'
import { attribute, type CollectedSpan, startTraceCollector } from '../helpers/trace-collector.js'
import { until } from '../helpers/until.js'

const collector = await startTraceCollector()
t.teardown(() => collector.close())
const test = await buildTestApp(t, {
  carrier: true, spares: 1, config: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b', TRUST_PROXY: true }
})
const { headers, tenantId } = await test.signUp()
await test.addNumber({ tenantId })
const words = { firstName: 'Habakkuk', lastName: 'Zwingli', phone: '+16155550199' }
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
await test.app.inject({ method: 'POST', url: '/api/members?phone=+16155550199', headers: { ...headers, traceparent }, payload: { ...words, optIn: { source: 'form', note: 'Quokka' } } })
await test.app.inject({ method: 'POST', url: '/api/messages', headers, payload: { text: 'Sesquipedalian', to: { all: true } } })
await test.startWorker()

const spansNamed = async (name: string | RegExp) => await until(async () => {
  const found = collector.spans.filter((span) => typeof name === 'string' ? span.name === name : name.test(span.name))
  return found.length > 0 ? found : undefined
})
const parentOf = ({ traceId, parentSpanId }: CollectedSpan) => collector.spans.find((span) => span.traceId === traceId && span.spanId === parentSpanId)

await t.test('a request\'s wait for its connection and each of its statements are its parts, in one trace', async (t) => {
  const [request] = await spansNamed('POST /api/members')
  const parts = collector.spans.filter((span) => span.parentSpanId === request!.spanId)
  t.equal(attribute(request!, 'koinonia.tenant.id'), tenantId)
  t.equal(attribute(request!, 'http.response.status_code'), '201')
  const names = parts.map(({ name }) => name)
  t.equal(names.filter((name) => name === 'tenant lease').length, 1)
  for (const name of ['BEGIN', 'INSERT', 'COMMIT']) t.ok(names.includes(name), name)
  for (const part of parts) {
    t.equal(part.traceId, request!.traceId)
    t.equal(attribute(part, 'koinonia.tenant.id'), tenantId)
  }
  t.match(attribute(parts.find(({ name }) => name === 'INSERT')!, 'db.query.text'), /^insert into .*\$1/)
})

await t.test('behind a proxy of ours a request goes on with the caller\'s trace', async (t) => {
  const [request] = await spansNamed('POST /api/members')
  t.match(request, { traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: 'b7ad6b7169203331' })
})

await t.test('a call to the carrier is a part of the job that sends, which begins a trace of its own', async (t) => {
  const [sent] = await spansNamed('carrier send')
  t.equal(attribute(sent!, 'koinonia.outcome'), 'accepted')
  const job = await until(async () => parentOf(sent!))
  t.match(job.name, /^job /)
  t.equal(attribute(job, 'koinonia.tenant.id'), tenantId)
  t.notOk(job.parentSpanId)
})

await t.test('statements of the job are its parts as well, and none stands alone', async (t) => {
  const jobs = await spansNamed(/^job /)
  const ids = new Set(jobs.map(({ spanId }) => spanId))
  await until(async () => collector.spans.some((span) => attribute(span, 'db.query.text') !== undefined && ids.has(span.parentSpanId ?? '')))
  const roots = collector.spans.filter(({ parentSpanId }) => parentSpanId === undefined || parentSpanId === '')
  t.ok(roots.length >= 3)
  for (const { name } of roots) t.match(name, /^(job |(GET|POST|PATCH|PUT|DELETE|HEAD) )/)
})

await t.test('no name, phone number, text or parameter of a statement is told, and the collector\'s key is', async (t) => {
  const all = collector.received.join('\n')
  t.match(all, 'POST /api/members')
  for (const word of [words.firstName, words.lastName, '6155550199', 'Sesquipedalian', 'Quokka', 'phone=', headers.authorization.slice(7)]) t.notOk(all.includes(word), word)
  t.equal(collector.headers[0]?.['x-key'], 'a b')
})

await t.test('without a collector nothing of the OpenTelemetry SDK is loaded', async (t) => {
  // Its bare interface, @opentelemetry/api, is loaded by prom-client anyway.
  const script = `
    import { createRequire } from 'node:module'
    const { buildApp } = await import('./dist/src/app.js')
    const { startWorker } = await import('./dist/src/jobs/worker.js')
    const { openServices } = await import('./dist/src/services.js')
    const { openTracing } = await import('./dist/src/tracing.js')
    const loaded = () => Object.keys(createRequire(process.cwd() + '/none.js').cache).filter((name) => /@opentelemetry.(?!api)/.test(name)).length
    const settings = { OTEL_EXPORTER_OTLP_HEADERS: '', OTEL_SERVICE_NAME: 'none', OTEL_TRACES_SAMPLER_ARG: 1 }
    const without = [await openTracing(settings), buildApp && startWorker && openServices && loaded()]
    const tracing = await openTracing({ ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
    console.log(JSON.stringify([without[0] === undefined, without[1], loaded() > 0]))
    await tracing.close()`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: join(packageRoot), encoding: 'utf8' })
  t.equal(stdout.trim(), '[true,0,true]', stderr)
})
