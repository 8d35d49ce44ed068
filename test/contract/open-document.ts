// Our own /openapi.json as a checker: what an operation may answer, with its references followed.
import { Compile } from 'typebox/schema'

export type Json = Record<string, unknown>

export interface Media { schema: Json, example?: unknown, examples?: Record<string, Json> }
export interface Answer { description: string, headers?: Json, content?: Record<string, Media> }
export interface Operation {
  path: string
  method: string
  operationId: string
  summary: string
  tags: string[]
  security: Json[]
  parameters?: Array<{ name: string, in: string, schema: Json, description?: string, required?: boolean }>
  requestBody?: { required: boolean, content: Record<string, Media> }
  responses: Record<string, Answer>
}

export interface Document extends Json {
  openapi: string
  info: Json
  tags: Array<{ name: string, description: string }>
  paths: Record<string, Record<string, Omit<Operation, 'path' | 'method'>>>
  components: Record<string, Json>
}

const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

export function operationsOf (document: Document): Operation[] {
  const followed = followReferences(document, document) as Document
  return Object.entries(followed.paths).flatMap(([path, item]) => Object.entries(item)
    .filter(([method]) => methods.has(method))
    .map(([method, operation]) => ({ ...operation, path, method })))
}

/** Replaces every `$ref`; throws for one that leads nowhere. Ours never go round in a circle. */
export function followReferences (document: Document, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => followReferences(document, item))
  if (typeof value !== 'object' || value === null) return value
  const { $ref: reference } = value as { $ref?: unknown }
  if (typeof reference !== 'string') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, followReferences(document, item)]))
  let target: unknown = document
  for (const step of reference.replace(/^#\//, '').split('/')) target = (target as Json | undefined)?.[step]
  if (target === undefined) throw new Error(`${reference} leads nowhere`)
  return followReferences(document, target)
}

const compiled = new WeakMap<object, ReturnType<typeof Compile>>()

/** What does not fit, in words; an object may have no field that its schema does not name. */
export function faultsOf (schema: Json, value: unknown): string[] {
  let checker = compiled.get(schema)
  if (checker === undefined) {
    checker = Compile(closed(schema) as Json)
    compiled.set(schema, checker)
  }
  if (checker.Check(value)) return []
  const [, errors] = checker.Errors(value)
  return errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`)
}

function closed (schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inside = Object.fromEntries(Object.entries(schema).map(([key, item]) => [key, key === 'examples' || key === 'enum' || key === 'allOf' ? item : closed(item)]))
  const { properties, additionalProperties } = schema as Json
  return properties !== undefined && additionalProperties === undefined ? { ...inside, additionalProperties: false } : inside
}
