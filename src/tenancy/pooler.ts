// A pooler in front of a database server, which gives each transaction any of its own sessions there, and what is known of it.
import { type ClientBase, DatabaseError } from 'pg'

/** SQLSTATE duplicate_prepared_statement: somebody asked before, and the pooler gave the name on as it is. */
const DUPLICATE_STATEMENT = '42P05'
const PROBE = 'koinonia_probe'

export class Pooler {
  #keepsStatements: boolean | undefined

  constructor (readonly host: string, readonly port: number) {}

  /**
   * Whether statements may be prepared by name: only if it gives them names of its own and prepares them wherever they are
   * run, as PgBouncer does from 1.21 on with max_prepared_statements. Asked once, and again when a connection to it has broken.
   * @throws pg's errors
   */
  async keepsStatements (client: ClientBase): Promise<boolean> {
    this.#keepsStatements ??= await renames(client)
    return this.#keepsStatements
  }

  /** It may be another one by now. */
  forget (): void {
    this.#keepsStatements = undefined
  }
}

async function renames (client: ClientBase): Promise<boolean> {
  try {
    const { rows: [answer] } = await client.query<{ renamed: boolean }>({
      name: PROBE, text: `SELECT NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = '${PROBE}') AS renamed`
    })
    return answer?.renamed === true
  } catch (error) {
    if (error instanceof DatabaseError && error.code === DUPLICATE_STATEMENT) return false
    throw error
  }
}
