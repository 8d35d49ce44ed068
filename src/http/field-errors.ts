// Says which fields of a request are not valid, each by its place, from what the schema's checker found.
import { type FastifyError } from 'fastify'
import { type FieldError } from '../errors.js'

type Found = NonNullable<FastifyError['validation']>[number]

/** `/body/phone`, `/query/limit`: where the field is, and what is wrong with it. Each place once. */
export function fieldErrors (validation: readonly Found[], context: string): FieldError[] {
  const part = context === 'querystring' ? 'query' : context
  const named = keepMeantForms(validation).flatMap((error) => nameFields(error, `/${part}${error.instancePath}`))
  return named.filter((error, index) => named.findIndex((other) => other.path === error.path) === index)
}

function nameFields ({ keyword, params, message }: Found, path: string): FieldError[] {
  switch (keyword) {
    case 'required': return textsOf(params['requiredProperties']).map((name) => ({ path: `${path}/${name}`, message: 'is required' }))
    case 'additionalProperties': return textsOf(params['additionalProperties']).map((name) => ({ path: `${path}/${name}`, message: 'is not a known field' }))
    // The schema `false` of a field that may not be there.
    case 'boolean': return [{ path, message: 'is not a known field' }]
    case 'enum': return [{ path, message: `must be one of ${textsOf(params['allowedValues']).join(', ')}` }]
    case 'anyOf': return [{ path, message: 'must have exactly one of the forms that the API describes' }]
    default: return [{ path, message: message ?? 'is not valid' }]
  }
}

/**
 * Where several forms are allowed, the checker lists what is wrong with every one of them. Whoever meant one form reads only
 * of that: the one whose faults are all further inside. When there is none, the whole is named.
 */
function keepMeantForms (errors: readonly Found[]): readonly Found[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf').sort((one, other) => one.schemaPath.length - other.schemaPath.length)
  return unions.reduce<readonly Found[]>((kept, union) => {
    if (!kept.includes(union)) return kept
    const formOf = ({ schemaPath }: Found): string | undefined => schemaPath.startsWith(`${union.schemaPath}/anyOf/`) ? schemaPath.slice(union.schemaPath.length).split('/')[2] : undefined
    const inside = kept.filter((error) => formOf(error) !== undefined)
    const unmeant = new Set(inside.filter(({ instancePath }) => instancePath === union.instancePath).map(formOf))
    const meant = inside.find((error) => !unmeant.has(formOf(error)))
    const outside = kept.filter((error) => error !== union && !inside.includes(error))
    return [...outside, ...meant === undefined ? [ofValues(union, inside)] : inside.filter((error) => formOf(error) === formOf(meant))]
  }, errors)
}

/** A choice of plain values is told like an enumeration. */
function ofValues (union: Found, inside: readonly Found[]): Found {
  const allowedValues = inside.filter(({ keyword }) => keyword === 'const').map(({ params }) => params['allowedValue'])
  return allowedValues.length === inside.length ? { ...union, keyword: 'enum', params: { allowedValues } } : union
}

function textsOf (value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
