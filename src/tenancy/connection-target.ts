// Where connections to one database lead, as whom, and what limits they have.
import { type Pooler } from './pooler.js'

export interface ConnectionTarget {
  applicationName: string
  host: string
  port: number
  database: string
  user: string
  /** Asked at each opening, so that no password is kept. */
  password: () => string
  /** Tried when that one is refused: the role may have been given the next one a moment ago. */
  nextPassword?: () => string
  /** What host and port are of, unless they are PostgreSQL's own. */
  pooler?: Pooler | undefined
}

export interface ConnectionSettings {
  /** Connections of this one database. */
  max: number
  connectTimeoutMs: number
  statementTimeoutMs: number
  /** How long a transaction may stand idle before the server ends the connection. */
  idleInTransactionMs: number
  /** How long closing may take before the socket is cut. */
  closeTimeoutMs: number
}
