// Reads a file once from end to end before anything is imported, so that what is broken is told at once and nothing is done by halves.
import { createReadStream } from 'node:fs'
import { problem } from '../../../errors.js'
import { type TextFile } from './decode-file.js'
import { mapColumns } from './header-names.js'
import { detectDelimiter, readRecords } from './parse-csv.js'
import { type ColumnMapping, type ImportOptions } from './schemas.js'

export const mostRows = 500_000
const mostColumns = 200

export interface Inspected {
  delimiter: string
  columns: ColumnMapping[]
  /** How many there are after the header. */
  rows: number
  /** Where the first of them begins: byte of the text, and the header's row. */
  begin: { offset: number, row: number }
}

/** @throws problem('CSV_EMPTY'), 'CSV_HEADER_MISSING', 'CSV_PHONE_COLUMN_MISSING', 'CSV_MALFORMED', 'CSV_TOO_LARGE', 'VALIDATION_FAILED' */
export async function inspectFile ({ path }: Pick<TextFile, 'path'>, options: ImportOptions): Promise<Inspected> {
  const delimiter = detectDelimiter(await readHead(path))
  let found: Inspected | undefined
  for await (const { cells, row, end } of readRecords(createReadStream(path), delimiter, { offset: 0, row: 0 })) {
    if (found === undefined) found = { delimiter, columns: readHeader(cells, options), rows: 0, begin: { offset: end, row } }
    else if (++found.rows > mostRows) throw problem('CSV_TOO_LARGE')
  }
  if (found === undefined) throw problem('CSV_EMPTY', { detail: 'The file is empty. It needs a header and at least one row.' })
  if (found.rows === 0) throw problem('CSV_EMPTY')
  return found
}

async function readHead (path: string): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of createReadStream(path, { end: 65_535 }) as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

function readHeader (cells: readonly string[], options: ImportOptions): ColumnMapping[] {
  if (cells.length > mostColumns) throw problem('CSV_MALFORMED', { detail: `The header has ${cells.length} columns; ${mostColumns} are the most.` })
  if (cells.some((cell) => looksLikePerson(cell))) throw problem('CSV_HEADER_MISSING')
  const columns = mapColumns(cells, options.columns ?? {}, options.unknownColumns === 'custom')
  const fields = columns.map(({ field }) => field).filter((field) => field !== null)
  const twice = fields.find((field, index) => fields.indexOf(field) !== index)
  if (twice !== undefined) throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/options/columns', message: `more than one column is ${twice}` }] })
  if (!fields.includes('phone')) {
    const named = columns.map(({ header }) => header).filter((header) => header !== '').slice(0, 20).join(', ')
    throw problem('CSV_PHONE_COLUMN_MISSING', { detail: `No column is known as the phone number, among: ${named}. Name it in options: {"columns": {"<its header>": "phone"}}.` })
  }
  return columns
}

/** No column is called by a phone number or an e-mail address; by a day, which has eight digits at most, one may be. */
function looksLikePerson (cell: string): boolean {
  return (/^\S+@\S+\.\S+$/.test(cell.trim()) && !/^custom\./i.test(cell.trim())) || (/^[\s\d()+./-]+$/.test(cell) && cell.replace(/\D/g, '').length >= 9)
}
