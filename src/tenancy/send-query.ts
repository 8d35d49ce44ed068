// How a query travels: prepared by name where names last, with its time limit where nothing of a session does.
import { type CompiledQuery } from 'kysely'
import { type QueryResult, type QueryResultRow } from 'pg'
import { type PostgresConnection } from './postgres-connection.js'
import { type Answer, runPrepared } from './prepared-query.js'
import { statementFor } from './statement-names.js'

export type Answered<R> = Pick<QueryResult<R & QueryResultRow>, 'command' | 'rowCount' | 'rows'> | Answer<R>

/** `alone`: it is a transaction of its own, so nobody has said a limit before it. */
export function sendQuery<R> (connection: PostgresConnection, query: CompiledQuery, { named, alone }: { named: boolean, alone: boolean }): Promise<Answered<R>> {
  const { client, statements, plans, limits } = connection
  const statement = named && !plans.stale && statements !== undefined ? statementFor(query, statements) : undefined
  if (limits === undefined || !alone) {
    return statement === undefined ? client.query<R & QueryResultRow>(query.sql, query.parameters.slice()) : runPrepared<R>(client, statement, query.parameters)
  }
  if (statement === undefined && query.parameters.length === 0) return sendText<R>(connection, `${limits.beforeText}${query.sql}`)
  const limit = { name: statements === undefined ? '' : limits.name, text: limits.statement }
  return runPrepared<R>(client, statement ?? { name: '', text: query.sql }, query.parameters, limit)
}

/** One answer for each statement of the text: the last is the query's. */
async function sendText<R> ({ client }: PostgresConnection, text: string): Promise<Answered<R>> {
  const answers = [await client.query<R & QueryResultRow>(text)].flat()
  return answers.at(-1) ?? { command: '', rowCount: 0, rows: [] }
}
