// An OpenTelemetry collector for one test: takes OTLP over HTTP, as JSON, and keeps the spans.
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface CollectedSpan {
  name: string
  kind: number
  traceId: string
  spanId: string
  /** Absent or empty at a trace's beginning. */
  parentSpanId?: string
  attributes: Array<{ key: string, value: { stringValue?: string, intValue?: number | string } }>
}

interface Exported { resourceSpans: Array<{ scopeSpans: Array<{ spans: CollectedSpan[] }> }> }

export interface TraceCollector {
  endpoint: string
  spans: CollectedSpan[]
  /** All that came, as it came. */
  received: string[]
  headers: Array<NodeJS.Dict<string | string[]>>
  close: () => Promise<void>
}

export async function startTraceCollector (): Promise<TraceCollector> {
  const [spans, received, headers]: [CollectedSpan[], string[], TraceCollector['headers']] = [[], [], []]
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push(body)
      headers.push(request.headers)
      if (request.url === '/v1/traces') for (const { scopeSpans } of (JSON.parse(body) as Exported).resourceSpans) spans.push(...scopeSpans.flatMap((scope) => scope.spans))
      response.writeHead(request.url === '/v1/traces' ? 200 : 404, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    received,
    headers,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

export function attribute (span: CollectedSpan, key: string): string | undefined {
  const value = span.attributes.find((each) => each.key === key)?.value
  return value?.stringValue ?? value?.intValue?.toString()
}
