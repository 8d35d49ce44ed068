// Finishes the generated OpenAPI document: problems, whole examples, headers, and who may call.
import { STATUS_CODES } from 'node:http'
import { describeProblem, type ProblemCode } from '../errors.js'
import { exampleOf } from './example-of.js'

interface Media { schema?: Record<string, unknown>, example?: unknown, examples?: Record<string, unknown> }
interface Response { description: string, headers?: Record<string, unknown>, content?: Record<string, Media> }
interface Operation {
  'x-problems'?: ProblemCode[]
  security?: object[]
  parameters?: object[]
  requestBody?: { required?: boolean, content: Record<string, Media> }
  responses: Record<string, Response>
}
/** Of an OpenAPI 3.1 document, what is read and written here. */
interface Document { paths?: object, components?: object }

const requestId = '0d9c8b1e-5a55-4f7e-9a36-6f4e6f0c2f11'

const problemSchema = {
  type: 'object',
  description: 'An RFC 9457 problem document.',
  required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable: what programs decide by.' },
    detail: { type: 'string', description: 'What went wrong and what to do next, for people.' },
    requestId: { type: 'string', description: 'Quote it to support.' },
    errors: {
      type: 'array',
      description: 'Each field that is not valid: `path` is a JSON pointer such as /body/phone.',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } }
    },
    organizations: {
      type: 'array',
      description: 'With ORGANIZATION_CHOICE_REQUIRED: those to choose from.',
      items: { type: 'object', required: ['tenantId', 'name', 'kind'], properties: { tenantId: { type: 'string' }, name: { type: 'string' }, kind: { type: 'string', enum: ['church', 'studio'] } } }
    }
  }
}

const headers = {
  'Retry-After': { description: 'Wait this many seconds before trying again.', schema: { type: 'integer' } },
  'RateLimit-Limit': { description: 'Requests allowed in a minute.', schema: { type: 'integer' } },
  'RateLimit-Remaining': { description: 'How many of them are left.', schema: { type: 'integer' } },
  'RateLimit-Reset': { description: 'Seconds until all are allowed again.', schema: { type: 'integer' } }
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  description: '1 to 255 visible ASCII characters of your choice, new for each new request. Send it again with the same request to get the same answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  example: '5f0c2a1e-welcome-texts'
}

/** Changes the document in place: `x-problems` of each operation become its error responses. */
export function completeDocument<T extends Document> (document: T): T {
  const codes = new Set<ProblemCode>()
  const paths = (document.paths ?? {}) as Record<string, Record<string, Operation>>
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) {
      const problems = operation['x-problems'] ?? []
      delete operation['x-problems']
      for (const code of problems) codes.add(code)
      completeRequest(operation, problems)
      completeResponses(operation, problems)
    }
  }
  document.components = {
    ...document.components,
    schemas: { Problem: problemSchema },
    headers,
    parameters: { IdempotencyKey: idempotencyKey },
    examples: Object.fromEntries([...codes].sort().map((code) => [code, { value: exampleProblem(code) }]))
  }
  return document
}

function completeRequest (operation: Operation, problems: readonly ProblemCode[]): void {
  operation.security ??= []
  if (problems.includes('IDEMPOTENCY_KEY_REUSED')) {
    operation.parameters = [...operation.parameters ?? [], { $ref: '#/components/parameters/IdempotencyKey' }]
  }
  for (const media of Object.values(operation.requestBody?.content ?? {})) completeMedia(media)
  // A body that may be null may be left out.
  const alternatives = operation.requestBody?.content['application/json']?.schema?.['anyOf']
  if (operation.requestBody !== undefined && Array.isArray(alternatives) && alternatives.some((one: { type?: unknown }) => one.type === 'null')) {
    operation.requestBody.required = false
  }
}

function completeResponses (operation: Operation, problems: readonly ProblemCode[]): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response.description === 'Default Response') response.description = STATUS_CODES[status] ?? status
    if (operation.security?.length !== 0) response.headers = referTo('headers', ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'])
    for (const media of Object.values(response.content ?? {})) completeMedia(media)
  }
  for (const status of new Set(problems.map(statusOf))) {
    operation.responses[status] = withProblems(operation.responses[status], status, problems.filter((code) => statusOf(code) === status))
  }
}

/** Health answers 503 with its own body, besides problems: one status may have several media types. */
function withProblems (known: Response | undefined, status: number, codes: ProblemCode[]): Response {
  const retry = status === 429 || status === 503 ? { headers: referTo('headers', ['Retry-After']) } : {}
  return {
    ...known,
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...retry,
    content: {
      ...known?.content,
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', properties: { code: { type: 'string', enum: codes } } }] },
        examples: referTo('examples', codes)
      }
    }
  }
}

function completeMedia (media: Media): void {
  if (media.schema === undefined || media.example !== undefined || media.examples !== undefined) return
  media.example = exampleOf(media.schema)
}

function statusOf (code: ProblemCode): number {
  return describeProblem(code).status
}

function referTo (kind: 'headers' | 'examples', names: readonly string[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/${kind}/${name}` }]))
}

function exampleProblem (code: ProblemCode): object {
  const { status, detail } = describeProblem(code)
  const errors = code === 'VALIDATION_FAILED' ? { errors: [{ path: '/body/firstName', message: 'is required' }] } : {}
  return { type: 'about:blank', title: STATUS_CODES[status], status, code, detail, requestId, ...errors }
}
