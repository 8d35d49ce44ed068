// Reads records from CSV text as a stream, each with its number and where the next begins; tells in words what is broken, and in which line.
import { CsvError, parse } from 'csv-parse'
import { pipeline, type Readable } from 'node:stream'
import { problem } from '../../../errors.js'

export const delimiters = [',', ';', '\t', '|'] as const
export type Delimiter = typeof delimiters[number]

/** `row` counts as a spreadsheet does, from 1, blank lines too; `end`: byte of the text at which the next one begins. */
export interface CsvRecord { cells: string[], row: number, end: number }

/** In bytes of UTF-8. An export has no longer row; an unclosed quote soon makes one. */
const mostInRecord = 262_144

/** `from`: the byte at which `text` begins, and the row before it. Blank lines are left out. @throws problem('CSV_MALFORMED') */
export async function * readRecords (text: Readable, delimiter: string, from: { offset: number, row: number }): AsyncGenerator<CsvRecord> {
  let line = 1
  /** Bytes read at the end of each record that the loop below has not got yet. */
  const ends: number[] = []
  const parser = parse({
    delimiter,
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: mostInRecord,
    // As it is parsed: what the loop below has not got yet is lost when the parser fails.
    on_record: (record: string[], { lines, bytes }) => {
      line = lines + 1
      ends.push(bytes)
      return record
    }
  })
  // Errors of either come out of the loop below.
  pipeline(text, parser, () => undefined)
  let row = from.row
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      row++
      const end = from.offset + (ends.shift() ?? 0)
      if (cells.some((cell) => cell.trim() !== '')) yield { cells, row, end }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw problem('CSV_MALFORMED', { detail: explain(error, line), cause: error })
  }
}

function explain ({ code, lines }: CsvError & { lines?: number }, begun: number): string {
  const at = lines ?? begun
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED': return `A quote is opened in the row that begins in line ${begun} and never closed.`
    case 'CSV_INVALID_CLOSING_QUOTE': return `In line ${at} something follows a closing quote, in the row that begins in line ${begun}: a quote before it was not closed, or a quote within a cell was not doubled.`
    case 'INVALID_OPENING_QUOTE': return `In line ${at} there is a quote within a cell that is not in quotes. Put the cell in quotes, and double those in it.`
    case 'CSV_MAX_RECORD_SIZE': return `The row that begins in line ${begun} has more than ${mostInRecord} bytes. A quote in it may not have been closed.`
    default: return `Line ${at} can't be read as CSV.`
  }
}

/** By the first line that is not blank: the separator it has most of, outside quotes. `head`: the first part of the text. */
export function detectDelimiter (head: string): Delimiter {
  const line = /^\s*((?:"(?:[^"]|"")*"|[^"\r\n])+)/.exec(head)?.[1] ?? ''
  const bare = line.replace(/"(?:[^"]|"")*"/g, '')
  const counts = delimiters.map((one): [Delimiter, number] => [one, bare.split(one).length])
  return counts.reduce((most, one) => one[1] > most[1] ? one : most)[0]
}
