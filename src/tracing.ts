// What a request or a job spends its time on, told to an OpenTelemetry collector. Without an endpoint nothing of it is loaded.
import { type Logger } from 'pino'
import { type Config } from './config.js'

/** Never anything a person wrote or is called, nor a phone number or a statement's parameters. */
export type Attributes = Readonly<Record<string, string | number>>

export interface OpenSpan {
  /** What `run` begins is a part of this span. */
  within: <T>(run: () => T) => T
  end: (attributes: Attributes, failed: boolean) => void
}

export interface Tracing {
  /** Begins a trace; or goes on with the caller's, by its W3C `traceparent`. */
  request: (name: string, attributes: Attributes, traceparent?: string) => OpenSpan
  /** A trace of its own. Resolves and rejects as `run` does; of an error only its name and code are told. */
  job: <T>(name: string, attributes: Attributes, run: () => Promise<T>) => Promise<T>
  /** A part of the request or job under way. Outside of any it just runs. `told`: what the result says about itself. */
  part: <T>(name: string, attributes: Attributes, run: () => Promise<T>, told?: (result: T) => Attributes) => Promise<T>
  /** A part that calls somebody else: a database, a carrier. */
  call: Tracing['part']
  /** Sends what is left, for three seconds at most. */
  close: () => Promise<void>
}

type TracingSettings = Pick<Config, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS' | 'OTEL_SERVICE_NAME' | 'OTEL_TRACES_SAMPLER_ARG'>

export async function openTracing (config: TracingSettings, log: Logger): Promise<Tracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = config
  if (endpoint === undefined) return undefined
  const { startTracing } = await import('./open-telemetry.js')
  return startTracing({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    headers: readHeaders(config.OTEL_EXPORTER_OTLP_HEADERS),
    serviceName: config.OTEL_SERVICE_NAME,
    share: config.OTEL_TRACES_SAMPLER_ARG
  }, log)
}

/** `name=value` pairs, the values percent-encoded: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
function readHeaders (pairs: string): Record<string, string> {
  return Object.fromEntries(pairs.split(',').filter((pair) => pair.includes('=')).map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]
  }))
}
