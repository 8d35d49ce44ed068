// /openapi.json is OpenAPI 3.1, and says of each operation what a stranger must know to call it.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { recordRoutes } from '../isolation/route-table.js'
import { type Document, faultsOf, type Json, type Media, operationsOf } from './open-document.js'

const { built: { app }, routes } = await recordRoutes(async () => await buildTestApp(t))
const response = await app.inject('/openapi.json')
const document = response.json<Document>()
const operations = operationsOf(document)

void t.test('the document is OpenAPI 3.1 and open to everyone', async (t) => {
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], /^application\/json/)
  t.match(document.openapi, /^3\.1\.\d+$/)
  t.match(document.info, { title: 'Koinonia', version: /^\d+\.\d+\.\d+$/, description: /\S/ })
  for (const path of Object.keys(document.paths)) t.match(path, /^\/([\w.-]+|\{\w+\})(\/([\w.-]+|\{\w+\}))*$/)
})

void t.test('every route that answers JSON is in it, under the path it is served at', async (t) => {
  const hidden = (url: string) => url === '*' || /^\/(docs|openapi\.json|metrics)/.test(url)
  const described = new Set(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`))
  for (const { method, url } of routes) {
    if (method === 'HEAD' || hidden(url)) continue
    const path = url.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')
    t.ok(described.has(`${String(method)} ${path}`), `${String(method)} ${path}`)
  }
})

void t.test('each operation has a name of its own, a summary, a declared tag and only known security', async (t) => {
  const ids = operations.map(({ operationId }) => operationId)
  t.strictSame(ids.filter((id, index) => ids.indexOf(id) !== index), [], 'no operationId is there twice')
  const declared = document.tags.map(({ name }) => name)
  const schemes = Object.keys(document.components['securitySchemes'] ?? {})
  for (const { method, path, operationId, summary, tags, security } of operations) {
    t.match({ operationId, summary, tags, security }, { operationId: /^[a-z][A-Za-z]+$/, summary: /^[A-Z].{3,}[^.]$/, tags: [/\w/], security: Array }, `${method} ${path}`)
    t.ok(tags.every((tag) => declared.includes(tag)), `the tags of ${operationId} are declared: ${tags.join()}`)
    t.ok(security.flatMap(Object.keys).every((name) => schemes.includes(name)))
  }
})

void t.test('a route under /api asks for a token, unless it is one of those that give one', async (t) => {
  const open = operations.filter(({ security }) => security.length === 0).map(({ operationId }) => operationId)
  t.strictSame(open.sort(), ['getLiveness', 'getMediaByLink', 'getReadiness', 'login', 'receiveTelnyxEvent', 'receiveTelnyxStatus', 'refreshSession', 'register'])
})

void t.test('path parameters are those of the path, and every parameter has a schema', async (t) => {
  for (const { path, operationId, parameters = [] } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    t.strictSame(parameters.filter((one) => one.in === 'path').map(({ name }) => name), inPath, operationId)
    for (const one of parameters) t.ok(['path', 'query', 'header'].includes(one.in) && typeof one.schema === 'object' && (one.in !== 'path' || one.required === true), `${operationId} ${one.name}`)
  }
})

void t.test('every success says what comes, with an example that fits its own schema', async (t) => {
  for (const { operationId, responses } of operations) {
    const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'))
    t.ok(successes.length > 0, `${operationId} can succeed`)
    for (const [status, { description, content }] of successes) {
      t.match(description, /\w/)
      if (status === '204') t.equal(content, undefined)
      else examplesFit(t, `${operationId} ${status}`, Object.values(content ?? {})[0])
    }
  }
})

void t.test('every request body has an example that fits its schema', async (t) => {
  for (const { operationId, requestBody } of operations) {
    if (requestBody !== undefined) examplesFit(t, `${operationId} body`, Object.values(requestBody.content)[0])
  }
})

void t.test('every error is a problem document whose codes are named, with an example of each', async (t) => {
  for (const { operationId, method, security, responses } of operations) {
    const codes = new Set<string>()
    for (const [status, { content = {} }] of Object.entries(responses)) {
      // Not ready is a report, with the same shape as ready; 304 says that nothing is new.
      if (status.startsWith('2') || status === '304' || (operationId === 'getReadiness' && status === '503')) continue
      const media = content['application/problem+json']
      if (media === undefined) { t.fail(`${operationId} ${status} is no problem`); continue }
      const named = (media.schema['allOf'] as [Json, { properties: { code: { enum: string[] } } }])[1].properties.code.enum
      t.strictSame(Object.keys(media.examples ?? {}), named, `${operationId} ${status}`)
      examplesFit(t, `${operationId} ${status}`, media)
      for (const code of named) codes.add(code)
    }
    t.ok(codes.has('INTERNAL_ERROR'))
    if (security.length > 0) t.ok(['AUTHENTICATION_REQUIRED', 'RATE_LIMITED', 'TENANT_SUSPENDED'].every((code) => codes.has(code)), `${operationId} names what every tenant route may answer`)
    t.equal(codes.has('IDEMPOTENCY_KEY_REUSED'), takesKey(method, operationId, security), `${operationId} names what a key may be refused with if it takes one`)
    t.equal(codes.has('CSRF_TOKEN_INVALID'), security.length > 0 && method !== 'get', `${operationId} names CSRF_TOKEN_INVALID if it changes something`)
  }
})

void t.test('every POST of an organization, and the sign-up that makes one, takes an Idempotency-Key', async (t) => {
  for (const { method, operationId, security, parameters = [] } of operations) {
    const takes = parameters.some(({ name }) => name === 'Idempotency-Key')
    t.equal(takes, takesKey(method, operationId, security), operationId)
  }
})

function takesKey (method: string, operationId: string, security: object[]): boolean {
  return method === 'post' && (security.length > 0 || operationId === 'register')
}

interface Checks { ok: (value: unknown, message: string) => unknown, notOk: (value: unknown, message: string) => unknown, strictSame: (found: unknown, wanted: unknown, message: string) => unknown }

function examplesFit (t: Checks, where: string, media: Media | undefined): void {
  const examples = media?.example !== undefined ? [media.example] : Object.values(media?.examples ?? {}).map((one) => one['value'])
  t.ok(examples.length > 0, `${where} has an example`)
  for (const example of examples) {
    t.strictSame(faultsOf(media?.schema ?? {}, example), [], `${where}: the example fits`)
    t.notOk(/[:[]"text"/.test(JSON.stringify(example)), `${where}: no field is without an example: ${JSON.stringify(example)}`)
  }
}
