// Reads what callers sent, the same way whatever parsers and validators the host application has set.
import type { FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'

export interface Fault { path: string, message: string }

export type Checker = Pick<Validator, 'Check' | 'Errors'>

export class InvalidBody extends Error {
  readonly statusCode = 422
  readonly fields: Fault[]

  constructor (fields: Fault[]) {
    super(fields.map(({ path, message }) => `${path === '' ? 'The body' : path} ${message}`).join('; '))
    this.fields = fields
  }
}

/**
 * A reader of bodies of one schema.
 * @throws InvalidBody naming every field that does not fit
 */
export function bodyReader<S extends TSchema> (schema: S): (request: FastifyRequest) => Static<S> {
  const validator = Compile(schema)
  return ({ body }) => {
    const value: unknown = body ?? {}
    if (validator.Check(value)) return value
    throw new InvalidBody(faultsOf(validator, value))
  }
}

/** One for each field that does not fit, or should not be there. */
export function faultsOf (validator: Checker, value: unknown): Fault[] {
  if (validator.Check(value)) return []
  return validator.Errors(value).flatMap(({ keyword, instancePath, message, params }) => {
    if (keyword === 'additionalProperties') return params.additionalProperties.map((name) => ({ path: `${instancePath}/${name}`, message: 'is not published' }))
    // Said once more of each field that should not be there.
    return keyword === 'boolean' ? [] : [{ path: instancePath, message }]
  })
}

/** The query as written: Telnyx's `filter[name]` keys stay whole. */
export function readQuery ({ url }: FastifyRequest): URLSearchParams {
  const start = url.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : url.slice(start))
}

/** The value of one path parameter. */
export function readParam ({ params }: FastifyRequest, name: string): string {
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  return typeof value === 'string' ? value : ''
}

/** A whole number of the query within bounds, or the default. */
export function readCount (query: URLSearchParams, name: string, { byDefault, most }: { byDefault: number, most: number }): number {
  const value = Number(query.get(name) ?? Number.NaN)
  return Number.isInteger(value) && value > 0 ? Math.min(value, most) : byDefault
}
