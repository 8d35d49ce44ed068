// What is compared of a table: how many rows, and a hash of all of them as COPY writes them in the order of their key.
import { createHash } from 'node:crypto'
import { type ClientBase } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { copyOutStatement, type Table } from './tables.js'

export interface TableDigest {
  rows: number
  /** SHA-256 in hex. */
  sha256: string
}

export interface Digesting { add: (chunk: Buffer) => void, bytes: () => number, digest: () => TableDigest }

const NEWLINE = 10

export function digesting (): Digesting {
  const hash = createHash('sha256')
  let [rows, bytes] = [0, 0]
  return {
    add (chunk) {
      hash.update(chunk)
      bytes += chunk.length
      // COPY writes line ends within a value as \n in two characters, so each true one ends a row.
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) rows++
    },
    bytes: () => bytes,
    digest: () => ({ rows, sha256: hash.digest('hex') })
  }
}

/** Reads the whole table. */
export async function digestTable (client: ClientBase, table: Table): Promise<TableDigest> {
  const digest = digesting()
  for await (const chunk of client.query(copyTo(copyOutStatement(table)))) digest.add(chunk as Buffer)
  return digest.digest()
}

export const sameDigest = (one: TableDigest, other: TableDigest): boolean => one.rows === other.rows && one.sha256 === other.sha256
