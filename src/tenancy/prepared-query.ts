// A prepared statement on its way: parsed and described once for each connection, from then on only bound and executed.
import { type ClientBase, type Connection, type Submittable } from 'pg'
import utils from 'pg/lib/utils'

declare module 'pg' {
  interface Connection { readonly parsedStatements: Readonly<Record<string, string | undefined>> }
}

interface Column { readonly name: string, readonly parse: (text: string) => unknown }

/** A statement of one connection. The server refuses to run it with other columns than it was described with. */
export interface Statement {
  readonly name: string
  readonly text: string
  /** Undefined until it has run once. */
  columns?: readonly Column[]
}

export interface Answer<R> { readonly rows: R[], readonly command: string, readonly rowCount: number }

interface RowDescription { fields: Array<{ name: string, dataTypeID: Parameters<ClientBase['getTypeParser']>[0] }> }

/** Resolves with what the statement answers, as rows of the type that it is known to have. Rejects with pg's errors. */
export function runPrepared<R> (client: ClientBase, statement: Statement, parameters: readonly unknown[]): Promise<Answer<R>> {
  return new Promise((resolve, reject) => { client.query(new PreparedQuery(client, statement, parameters, resolve, reject)) })
}

/** The face that pg's client speaks to, the same as that of its own queries and of pg-cursor. */
class PreparedQuery<R> implements Submittable {
  // Under these two the connection remembers that the statement has been parsed.
  readonly name: string
  readonly text: string
  readonly #rows: R[] = []
  #columns: readonly Column[]
  #completed = ''
  #unreadable: Error | undefined

  constructor (
    readonly client: ClientBase, readonly statement: Statement, readonly parameters: readonly unknown[],
    readonly resolve: (answer: Answer<R>) => void, readonly reject: (error: Error) => void
  ) {
    this.name = statement.name
    this.text = statement.text
    this.#columns = statement.columns ?? []
  }

  submit (connection: Connection): Error | null {
    let values: Array<Buffer | string | null>
    try {
      values = this.parameters.map(utils.prepareValue)
    } catch (error) {
      return asError(error)
    }
    const { name, text, statement } = this
    connection.stream.cork()
    if (connection.parsedStatements[name] === undefined) connection.parse({ name, text, types: [] }, true)
    connection.bind({ statement: name, values }, true)
    if (statement.columns === undefined) connection.describe({ type: 'P', name: '' }, true)
    connection.execute(null, true)
    connection.sync()
    connection.stream.uncork()
    return null
  }

  handleRowDescription ({ fields }: RowDescription): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, parse: this.client.getTypeParser(dataTypeID, 'text') as Column['parse'] }))
  }

  handleDataRow ({ fields }: { fields: Array<string | null> }): void {
    const columns = this.#columns
    const row: Record<string, unknown> = {}
    try {
      for (let place = 0; place < columns.length; place++) {
        const column = columns[place]
        const text = fields[place]
        if (column !== undefined) row[column.name] = text == null ? null : column.parse(text)
      }
    } catch (error) {
      this.#unreadable ??= asError(error)
    }
    this.#rows.push(row as R)
  }

  handleCommandComplete ({ text }: { text: string }): void {
    this.#completed = text
    this.statement.columns = this.#columns
  }

  handleReadyForQuery (): void {
    if (this.#unreadable !== undefined) {
      this.reject(this.#unreadable)
      return
    }
    const words = this.#completed.split(' ')
    this.resolve({ rows: this.#rows, command: words[0] ?? '', rowCount: Number(words.at(-1)) })
  }

  handleError (error: Error): void {
    this.reject(error)
  }

  handleEmptyQuery (): void {}
}

function asError (error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
