// Refuses what the carrier does not publish: Telnyx itself passes over an unknown field, and with it what was meant by it.
import type { FastifyInstance } from 'fastify'
import { Compile } from 'typebox/compile'
import { type PublishedRequest, publishedRequests } from './published-requests.js'
import { type Checker, type Fault, faultsOf, InvalidBody, readQuery } from './read-request.js'

type Check = (query: URLSearchParams, body: unknown) => Fault[]

/** Call it before the routes: one that is not published stops the start, and each request is held against what is. `refused` hears of each that is not. */
export function takePublishedRequestsOnly (scope: FastifyInstance, refused: (what: string) => void): void {
  const checks = new Map<string, Check>()
  scope.addHook('onRoute', ({ method, url, routePath }) => {
    for (const one of [method].flat()) {
      if (one !== 'HEAD') checks.set(`${one} ${url}`, checkOf(`${one} ${routePath}`))
    }
  })
  scope.addHook('preHandler', async (request) => {
    const faults = checks.get(`${request.method} ${request.routeOptions.url ?? ''}`)?.(readQuery(request), request.body) ?? []
    if (faults.length === 0) return
    const refusal = new InvalidBody(faults)
    refused(`${request.method} ${request.routeOptions.url ?? ''}: ${refusal.message}`)
    throw refusal
  })
}

function checkOf (operation: string): Check {
  const published: PublishedRequest | undefined = publishedRequests[operation]
  if (published === undefined) throw new Error(`Telnyx publishes no ${operation}, so the sandbox cannot have it.`)
  const query = published.query === undefined ? undefined : Compile(published.query)
  const body = published.body === undefined ? undefined : Compile(published.body)
  return (parameters, sent) => [...queryFaults(query, parameters), ...bodyFaults(body, sent)]
}

function queryFaults (validator: Checker | undefined, parameters: URLSearchParams): Fault[] {
  const names = [...parameters.keys()]
  const repeated = names.filter((name, index) => names.indexOf(name) !== index)
  const found = validator === undefined ? names.map((name) => ({ path: `/${name}`, message: 'is not published' })) : faultsOf(validator, Object.fromEntries(parameters))
  return [...found, ...repeated.map((name) => ({ path: `/${name}`, message: 'is given twice' }))]
}

function bodyFaults (validator: Checker | undefined, body: unknown): Fault[] {
  if (validator !== undefined) return faultsOf(validator, body ?? {})
  return body === undefined || body === null ? [] : [{ path: '', message: 'is not published' }]
}
