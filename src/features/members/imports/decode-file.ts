// Turns an uploaded file into plain UTF-8 text, or says what it is instead. Nothing of it is ever whole in memory.
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { problem } from '../../../errors.js'
import { type IncomingFile, receiveFile } from '../../media/incoming-file.js'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'
/** UTF-8 without a byte order mark; whoever got it removes it. */
export interface TextFile extends IncomingFile { encoding: Encoding }

/** One byte of another encoding is at most three of UTF-8. */
const mostGrowth = 3

/** What people rename to .csv, by its first bytes. */
const otherFiles: ReadonlyArray<[Buffer, string]> = [
  [Buffer.from('PK\u0003\u0004'), 'an Excel workbook (.xlsx), or another zip file'],
  [Buffer.from('d0cf11e0', 'hex'), 'an old Excel workbook (.xls)'],
  [Buffer.from('1f8b', 'hex'), 'a gzip file'],
  [Buffer.from('%PDF'), 'a PDF'],
  [Buffer.from('{\\rtf'), 'a rich text document'],
  [Buffer.from('ffd8ff', 'hex'), 'a picture'],
  [Buffer.from('89504e47', 'hex'), 'a picture']
]

/** Text without a mark is UTF-8 if it can be, else Windows-1252, which Excel writes on most machines and which holds Latin-1. @throws problem('CSV_NOT_TEXT'), 'CSV_ENCODING' */
export async function decodeFile (dataDir: string, { path, size }: IncomingFile): Promise<TextFile> {
  const head = await readHead(path)
  const other = otherFiles.find(([magic]) => head.subarray(0, magic.length).equals(magic))
  if (other !== undefined) throw problem('CSV_NOT_TEXT', { detail: `This is ${other[1]}, not a CSV file. Open it and save it as "CSV UTF-8".` })
  const as = async (encoding: Encoding): Promise<TextFile> => (
    { encoding, ...await receiveFile(dataDir, Readable.from(decode(path, encoding), { objectMode: false }), size * mostGrowth + 1) })
  const marked = markedEncoding(head)
  try {
    return await as(marked ?? 'utf-8')
  } catch (error) {
    if (!isUndecodable(error)) throw error
    if (marked !== undefined) throw problem('CSV_ENCODING', { detail: `The file begins as ${marked.toUpperCase()} and does not go on as that. Save it as "CSV UTF-8".`, cause: error })
    return await as('windows-1252')
  }
}

async function readHead (path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function markedEncoding (head: Buffer): Encoding | undefined {
  const [first, second, third] = head
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return first === 0xef && second === 0xbb && third === 0xbf ? 'utf-8' : undefined
}

async function * decode (path: string, encoding: Encoding): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  let line = 1
  const checked = (text: string): Buffer => {
    // Windows-1252 has no letters there: five bytes that it leaves free.
    const strange = encoding === 'windows-1252' ? text.search(/[\0\u0081\u008d\u008f\u0090\u009d]/) : text.indexOf('\0')
    if (strange >= 0) throw strangeByte(text.charCodeAt(strange), line + countLines(text.slice(0, strange)))
    line += countLines(text)
    return Buffer.from(text)
  }
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) yield checked(decoder.decode(chunk, { stream: true }))
  yield checked(decoder.decode())
}

function strangeByte (code: number, line: number): Error {
  const detail = code === 0
    ? `There is a NUL byte in line ${line}: this is no plain text, or UTF-16 without its mark. Save it as "CSV UTF-8".`
    : `The file is neither UTF-8 nor Windows-1252, as line ${line} shows. Save it as "CSV UTF-8".`
  return problem('CSV_ENCODING', { detail })
}

function countLines (text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0
}

function isUndecodable (error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
}
