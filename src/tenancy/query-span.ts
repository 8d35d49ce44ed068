// What a trace tells of one statement: the SQL as it is prepared, whose values travel apart from it and are never told.
import { type CompiledQuery } from 'kysely'
import { type Attributes, type Tracing } from '../tracing.js'

/** In characters. */
const longestSql = 2_000

export function inQuerySpan<T> (tracing: Tracing, { sql }: CompiledQuery, tenantId: string, run: () => Promise<T>): Promise<T> {
  const operation = /^[\s(]*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? 'SQL'
  const attributes: Attributes = { 'db.system.name': 'postgresql', 'db.operation.name': operation, 'db.query.text': sql.slice(0, longestSql), 'koinonia.tenant.id': tenantId }
  return tracing.call(operation, attributes, run)
}
