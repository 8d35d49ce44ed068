// Puts the examples of a schema's fields together to an example of the whole.

interface Schema {
  type?: string | string[]
  examples?: unknown[]
  default?: unknown
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  format?: string
  minimum?: number
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
}

const ofFormat: Record<string, string> = {
  uuid: '0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70',
  'date-time': '2026-03-01T17:00:00.000Z',
  date: '2026-03-01',
  email: 'ruth@example.org',
  uri: 'https://example.org/picture.jpg'
}

/** Its own example if it has one. Of an object every required field and each optional one that has an example. */
export function exampleOf (schema: Schema): unknown {
  const [first] = schema.examples ?? []
  if (first !== undefined) return first
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.default !== undefined) return schema.default
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf.find(({ type }) => type !== 'null') ?? {})
  switch ([schema.type].flat()[0]) {
    case 'object': return exampleObject(schema)
    case 'array': return schema.items === undefined ? [] : [exampleOf(schema.items)]
    case 'integer':
    case 'number': return schema.minimum ?? 0
    case 'boolean': return true
    case 'string': return [schema.type].flat().includes('null') && schema.format === undefined ? null : ofFormat[schema.format ?? ''] ?? 'text'
    default: return null
  }
}

function exampleObject ({ properties = {}, required = [] }: Schema): Record<string, unknown> {
  const shown = Object.entries(properties).filter(([name, field]) => required.includes(name) || hasExample(field))
  return Object.fromEntries(shown.map(([name, field]) => [name, exampleOf(field)]))
}

function hasExample (schema: Schema): boolean {
  return schema.examples !== undefined || (schema.items !== undefined && hasExample(schema.items)) ||
    Object.values(schema.properties ?? {}).some(hasExample)
}
