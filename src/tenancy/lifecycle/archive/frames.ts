// How the parts of a database, and what is known of its tenant, become bytes and parts again.
import { problem } from '../../../errors.js'
import { type DatabasePart } from '../copy/read-database.js'

/** A frame is one letter, four bytes of length, and as many bytes: rows as COPY writes them, or JSON. */
const letters = { header: 'H', table: 'T', rows: 'D', 'table-end': 'E', sequences: 'S', end: 'Z' } as const
const HEAD = 5
/** Longer than anything that is written here; rows come in pieces of some ten kilobytes. */
const MOST = 64 * 1_024 * 1_024

const damaged = (cause?: unknown) => problem('ARCHIVE_UNREADABLE', { detail: 'The archive does not read as one. It was probably made by a newer version; nothing was changed.', cause })

/** `header` first: any JSON. */
export async function * toFrames (header: object, parts: AsyncIterable<DatabasePart>): AsyncGenerator<Buffer, void> {
  yield frame(letters.header, Buffer.from(JSON.stringify(header)))
  for await (const part of parts) {
    const { part: kind, ...content } = part
    yield frame(letters[kind], part.part === 'rows' ? part.rows : Buffer.from(JSON.stringify(content)))
  }
}

/** The header, and the parts that follow it. @throws Problem ARCHIVE_UNREADABLE, also while the parts are read */
export async function fromFrames (bytes: AsyncIterable<Buffer>): Promise<{ header: unknown, parts: AsyncGenerator<DatabasePart, void> }> {
  const frames = split(bytes)
  const first = await frames.next()
  if (first.done === true || first.value.letter !== letters.header) throw damaged()
  return { header: parse(first.value.content), parts: toParts(frames) }
}

async function * toParts (frames: AsyncIterable<Frame>): AsyncGenerator<DatabasePart, void> {
  for await (const { letter, content } of frames) {
    if (letter === letters.rows) yield { part: 'rows', rows: content }
    else if (letter === letters.table) yield { part: 'table', ...parse(content) as Omit<Extract<DatabasePart, { part: 'table' }>, 'part'> }
    else if (letter === letters['table-end']) yield { part: 'table-end', ...parse(content) as Omit<Extract<DatabasePart, { part: 'table-end' }>, 'part'> }
    else if (letter === letters.sequences) yield { part: 'sequences', ...parse(content) as Omit<Extract<DatabasePart, { part: 'sequences' }>, 'part'> }
    else if (letter === letters.end) yield { part: 'end', ...parse(content) as Omit<Extract<DatabasePart, { part: 'end' }>, 'part'> }
    else throw damaged()
  }
}

interface Frame { letter: string, content: Buffer }

async function * split (bytes: AsyncIterable<Buffer>): AsyncGenerator<Frame, void> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of bytes) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    while (held.length >= HEAD) {
      const length = held.readUInt32BE(1)
      if (length > MOST) throw damaged()
      if (held.length < HEAD + length) break
      yield { letter: held.toString('latin1', 0, 1), content: held.subarray(HEAD, HEAD + length) }
      held = held.subarray(HEAD + length)
    }
  }
  if (held.length > 0) throw damaged()
}

function frame (letter: string, content: Buffer): Buffer {
  const head = Buffer.alloc(HEAD)
  head.write(letter, 'latin1')
  head.writeUInt32BE(content.length, 1)
  return Buffer.concat([head, content])
}

/** What has been decrypted was written by us. */
function parse (content: Buffer): unknown {
  try {
    return JSON.parse(content.toString())
  } catch (error) {
    throw damaged(error)
  }
}
