// A prepared statement on its way: parsed and described once for each connection, from then on only bound and executed.
import { type ClientBase, type Connection, type Submittable } from 'pg'
import utils from 'pg/lib/utils'

declare module 'pg' {
  interface Connection { readonly parsedStatements: Readonly<Record<string, string | undefined>> }
}

interface Column { readonly name: string, readonly parse: (text: string) => unknown }

/** A statement of one connection. The server refuses to run it with other columns than it was described with. */
export interface Statement {
  /** Empty for one that is parsed each time. */
  readonly name: string
  readonly text: string
  /** Undefined until it has run once. */
  columns?: readonly Column[]
  /** The server did not take it: from then on it goes without its name, which a pooler holds for taken all the same. */
  refused?: true
}

export interface Answer<R> { readonly rows: R[], readonly command: string, readonly rowCount: number }

interface RowDescription { fields: Array<{ name: string, dataTypeID: Parameters<ClientBase['getTypeParser']>[0] }> }

/**
 * Resolves with what the statement answers, as rows of the type that it is known to have. Rejects with pg's errors.
 * `before`: runs first, without parameters, in the same implicit transaction and message; what it answers is passed over.
 */
export function runPrepared<R> (client: ClientBase, statement: Statement, parameters: readonly unknown[], before?: Statement): Promise<Answer<R>> {
  return new Promise((resolve, reject) => { client.query(new PreparedQuery(client, statement, parameters, before, resolve, reject)) })
}

/** The face that pg's client speaks to, the same as that of its own queries and of pg-cursor. */
class PreparedQuery<R> implements Submittable {
  readonly #rows: R[] = []
  #columns: readonly Column[]
  #completed = ''
  #unreadable: Error | undefined

  constructor (
    readonly client: ClientBase, readonly statement: Statement, readonly parameters: readonly unknown[], public before: Statement | undefined,
    readonly resolve: (answer: Answer<R>) => void, readonly reject: (error: Error) => void
  ) {
    this.#columns = statement.columns ?? []
  }

  // Under these two the connection remembers that what it answers now has been parsed.
  get name (): string { return nameOf(this.before ?? this.statement) }
  get text (): string { return (this.before ?? this.statement).text }

  submit (connection: Connection): Error | null {
    let values: Array<Buffer | string | null>
    try {
      values = this.parameters.map(utils.prepareValue)
    } catch (error) {
      return asError(error)
    }
    const { before, statement } = this
    connection.stream.cork()
    if (before !== undefined) {
      bind(connection, before, [])
      connection.execute(null, true)
    }
    bind(connection, statement, values)
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
    if (this.before !== undefined) return
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
    if (this.before !== undefined) {
      this.before = undefined
      return
    }
    this.#completed = text
    if (this.name !== '') this.statement.columns = this.#columns
  }

  handleReadyForQuery (): void {
    if (this.#unreadable !== undefined) {
      this.reject(this.#unreadable)
      return
    }
    const words = this.#completed.split(' ')
    this.resolve({ rows: this.#rows, command: words[0] ?? '', rowCount: Number(words.at(-1)) })
  }

  handleError (error: Error, connection?: Connection): void {
    if (connection?.parsedStatements[this.statement.name] === undefined) this.statement.refused = true
    this.reject(error)
  }

  handleEmptyQuery (): void {}
}

const nameOf = ({ name, refused }: Statement): string => refused === true ? '' : name

function bind (connection: Connection, statement: Statement, values: Array<Buffer | string | null>): void {
  const { text } = statement
  const name = nameOf(statement)
  if (connection.parsedStatements[name] === undefined) connection.parse({ name, text, types: [] }, true)
  connection.bind({ statement: name, values }, true)
}

function asError (error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
