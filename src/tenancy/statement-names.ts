// Names for prepared statements, the same for the same SQL in the whole process: parsing is half of a small query's cost.
import { LRUCache } from 'lru-cache'
import { type CompiledQuery } from 'kysely'
import { type Statement } from './prepared-query.js'

const TEXTS_REMEMBERED = 2_000
/** Each costs the server's backend some memory for as long as the connection lives. */
const STATEMENTS_PER_CONNECTION = 250

const names = new LRUCache<string, string>({ max: TEXTS_REMEMBERED })
let counter = 0

/**
 * What to prepare the query as on a connection that has `prepared`, which is added to; undefined for what is better sent
 * as it is: text without parameters (it may hold several statements) and whatever exceeds the bounds.
 */
export function statementFor (query: CompiledQuery, prepared: Map<string, Statement>): Statement | undefined {
  if (query.parameters.length === 0 && query.query.kind === 'RawNode') return undefined
  let name = names.get(query.sql)
  if (name === undefined) {
    // A name is never given twice, so a forgotten text cannot meet another's statement.
    name = `k${++counter}`
    names.set(query.sql, name)
  }
  const known = prepared.get(name)
  if (known !== undefined || prepared.size >= STATEMENTS_PER_CONNECTION) return known
  const statement = { name, text: query.sql }
  prepared.set(name, statement)
  return statement
}
