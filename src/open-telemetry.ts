// Tracing by the OpenTelemetry SDK: loaded by `openTracing` alone, and only when there is a collector to tell.
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler, type SpanExporter, type SpanProcessor, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base'
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Logger } from 'pino'
import { type Attributes, type Tracing } from './tracing.js'

export interface Collector {
  url: string
  headers: Record<string, string>
  serviceName: string
  /** Of all traces that begin here, from 0 to 1. */
  share: number
}

const usualExportTimeoutMs = 3_000
/** Spans that wait while the collector is away or slow; what comes beyond that is dropped. */
const queueSize = 4_096
const batchSize = 512

export function startTracing ({ url, headers, serviceName, share }: Collector, log: Logger, exportTimeoutMs = usualExportTimeoutMs): Tracing {
  // At the end all batches leave at once.
  const otlp = new OTLPTraceExporter({ url, headers, timeoutMillis: exportTimeoutMs, concurrencyLimit: queueSize / batchSize + 1 })
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'process.pid': process.pid }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [queueFor(otlp, exportTimeoutMs, log)]
  })
  const tracer = provider.getTracer('koinonia')
  // Not the SDK's global context: two services in one process, as in tests, have nothing to do with each other.
  const current = new AsyncLocalStorage<Context>()

  const under = async <T>(parent: Context, kind: SpanKind, name: string, attributes: Attributes, run: () => Promise<T>, told?: (result: T) => Attributes): Promise<T> => {
    const span = tracer.startSpan(name, { kind, attributes }, parent)
    try {
      const result = await current.run(trace.setSpan(parent, span), run)
      if (told !== undefined) span.setAttributes(told(result))
      return result
    } catch (error) {
      noteError(span, error)
      throw error
    } finally {
      span.end()
    }
  }
  const partOf = (kind: SpanKind): Tracing['part'] => async (name, attributes, run, told) => {
    const parent = current.getStore()
    return parent === undefined ? await run() : await under(parent, kind, name, attributes, run, told)
  }
  return {
    request (name, attributes, traceparent) {
      const caller = traceparent === undefined ? null : parseTraceParent(traceparent)
      const parent = caller === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true })
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
      const context = trace.setSpan(parent, span)
      return {
        within: (run) => current.run(context, run),
        end (more, failed) {
          span.setAttributes(more)
          if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        }
      }
    },
    job: (name, attributes, run) => under(ROOT_CONTEXT, SpanKind.CONSUMER, name, attributes, run),
    part: partOf(SpanKind.INTERNAL),
    call: partOf(SpanKind.CLIENT),
    close: () => provider.shutdown().catch((error: unknown) => { log.warn({ err: error }, 'the last traces could not be sent') })
  }
}

/** An error's message may quote a row or a person's words. */
function noteError (span: Span, error: unknown): void {
  const { name, code } = error instanceof Error ? error as Error & { code?: unknown } : { name: 'unknown', code: undefined }
  span.setAttribute('error.type', typeof code === 'string' ? code : name)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** The SDK's own queue, which by itself says nothing of what could not be sent, nor of what it had no room for. */
function queueFor (exporter: SpanExporter, exportTimeoutMillis: number, log: Logger): SpanProcessor {
  let [waiting, dropped] = [0, 0]
  const telling: SpanExporter = {
    export (spans, done) {
      waiting -= spans.length
      if (dropped > 0) log.warn({ spans: dropped }, 'traces were dropped: the collector does not take them as fast as they come')
      dropped = 0
      exporter.export(spans, (result) => {
        if (result.error !== undefined) log.warn({ err: result.error, spans: spans.length }, 'traces could not be sent to the collector')
        done(result)
      })
    },
    shutdown: () => exporter.shutdown()
  }
  const queue = new BatchSpanProcessor(telling, { maxQueueSize: queueSize, maxExportBatchSize: batchSize, scheduledDelayMillis: 1_000, exportTimeoutMillis })
  return {
    onStart: (span, context) => { queue.onStart(span, context) },
    onEnd (span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
      if (waiting < queueSize) waiting++
      else dropped++
      queue.onEnd(span)
    },
    forceFlush: () => queue.forceFlush(),
    shutdown: () => queue.shutdown()
  }
}
