// Holds every answer of the application against its own /openapi.json: status, media type, body, headers, problem codes.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Answer, type Document, faultsOf, type Json, type Operation, operationsOf } from './open-document.js'

interface Seen { method: string, route: string | undefined, url: string, status: number, headers: Record<string, unknown>, requestId: string, payload: unknown }

export interface Watched<T> {
  built: T
  /** What does not fit the document, one line each; and which operations answered with which statuses. */
  compare: (app: FastifyInstance) => Promise<{ faults: string[], answered: Map<string, Set<number>> }>
}

/** Watches the application built while `build` runs, from its first request on, over HTTP and `inject` alike. */
export async function watchAnswers<T> (build: () => Promise<T>): Promise<Watched<T>> {
  const seen: Seen[] = []
  const listen = (message: unknown): void => { watch((message as { fastify: FastifyInstance }).fastify, seen) }
  subscribe('fastify.initialization', listen)
  try {
    const built = await build()
    return { built, compare: async (app) => compare((await app.inject('/openapi.json')).json<Document>(), seen) }
  } finally {
    unsubscribe('fastify.initialization', listen)
  }
}

function watch (app: FastifyInstance, seen: Seen[]): void {
  const payloads = new WeakMap<FastifyRequest, unknown>()
  app.addHook('onSend', (request: FastifyRequest, _reply: FastifyReply, payload: unknown, done: (error: null, payload: unknown) => void) => {
    payloads.set(request, payload)
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url, id: requestId, routeOptions } = request
    seen.push({ method, url, requestId, route: routeOptions.url, status: reply.statusCode, headers: reply.getHeaders(), payload: payloads.get(request) })
    done()
  })
}

const outsideTheDocument = /^\/(docs|openapi\.json|metrics|sandbox|v2)/

function compare (document: Document, seen: Seen[]): { faults: string[], answered: Map<string, Set<number>> } {
  const operations = new Map(operationsOf(document).map((operation) => [`${operation.method.toUpperCase()} ${operation.path}`, operation]))
  const problemFields = Object.keys((document.components['schemas'] as { Problem: { properties: Json } }).Problem.properties)
  const answered = new Map<string, Set<number>>()
  const faults: string[] = []
  for (const answer of seen) {
    if (answer.method === 'HEAD' || answer.method === 'OPTIONS' || outsideTheDocument.test(answer.url)) continue
    const path = answer.route?.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')
    const operation = operations.get(`${answer.method} ${path ?? ''}`)
    const found = operation === undefined ? unroutedFaults(answer) : answerFaults(operation, answer, problemFields)
    faults.push(...found.map((fault) => `${answer.method} ${path ?? answer.url} ${answer.status}: ${fault} in ${String(answer.payload).slice(0, 300)}`))
    if (operation !== undefined) answered.set(operation.operationId, (answered.get(operation.operationId) ?? new Set()).add(answer.status))
  }
  return { faults, answered }
}

function unroutedFaults ({ status, payload }: Seen): string[] {
  return status === 404 && String(payload).includes('"ROUTE_NOT_FOUND"') ? [] : ['no operation of the document']
}

function answerFaults (operation: Operation, { status, headers, payload, requestId }: Seen, problemFields: string[]): string[] {
  const documented: Answer | undefined = operation.responses[String(status)]
  if (documented === undefined) return ['a status that is not in the document']
  const faults = headers['x-request-id'] === requestId ? [] : ['no X-Request-Id']
  for (const name of Object.keys(documented.headers ?? {})) {
    if (headers[name.toLowerCase()] === undefined) faults.push(`no ${name} header`)
  }
  // What a handler sends with 204 never leaves the process, and 304 has no body.
  if (status === 204 || status === 304) return faults
  if (documented.content === undefined) return [...faults, 'a body where none is documented']
  const type = String(headers['content-type']).split(';')[0] ?? ''
  const media = documented.content[type] ?? documented.content['*/*']
  if (media === undefined) return [...faults, `media type ${type} is not in the document`]
  // Bytes of any type, a stream of events, or rows that are no JSON: nothing in them to check here.
  if (documented.content['*/*'] === media || type === 'text/event-stream' || type === 'text/csv') return faults
  const body: unknown = JSON.parse(String(payload))
  if (type !== 'application/problem+json') return [...faults, ...faultsOf(media.schema, body)]
  const strange = Object.keys(body as Json).filter((name) => !problemFields.includes(name)).map((name) => `${name} is not a documented field`)
  const wrongId = (body as Json)['requestId'] === requestId ? [] : ['another requestId']
  return [...faults, ...faultsOf(media.schema, body), ...strange, ...wrongId]
}
