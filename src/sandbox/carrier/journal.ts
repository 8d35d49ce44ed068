// The carrier's journal: one JSON line a change, so that phones and numbers survive a restart.
import { closeSync, createWriteStream, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { entrySchema, type Entry } from './model.js'

const entryCheck = Compile(entrySchema)

export class Journal {
  readonly #path: string
  readonly #onFailure: (error: Error) => void
  #stream: WriteStream | undefined

  /** @param onFailure told once when the disk takes no more; the carrier goes on, its journal does not */
  constructor (dataDir: string, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure
    mkdirSync(dataDir, { recursive: true })
    this.#path = join(dataDir, 'carrier.jsonl')
  }

  /**
   * The entries written so far. A torn last line, which a kill leaves behind, is passed over.
   * @throws Error naming the file and line when any other line cannot be read
   */
  * read (): Generator<Entry> {
    if (!existsSync(this.#path)) return
    const lines = readFileSync(this.#path, 'utf8').split('\n')
    // What follows the last newline is empty, or torn.
    lines.pop()
    for (const [index, line] of lines.entries()) {
      const entry: unknown = parse(line)
      if (!entryCheck.Check(entry)) {
        throw new Error(`Line ${index + 1} of ${this.#path} is not an entry of the sandbox carrier. Move that file away to start with no numbers and no texts.`)
      }
      yield entry
    }
  }

  /** Rewrites the file with the present state alone, then stands ready to append. The swap is a rename: a kill leaves the old file or the new one. */
  open (entries: Iterable<Entry>): void {
    const fresh = `${this.#path}.new`
    const file = openSync(fresh, 'w', 0o600)
    try {
      for (const entry of entries) writeSync(file, `${JSON.stringify(entry)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(fresh, this.#path)
    this.#stream = createWriteStream(this.#path, { flags: 'a', mode: 0o600 })
    this.#stream.once('error', (error) => {
      this.#stream = undefined
      this.#onFailure(error)
    })
  }

  append (entry: Entry): void {
    this.#stream?.write(`${JSON.stringify(entry)}\n`)
  }

  async close (): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    this.#stream = undefined
    // The callback comes after the last byte or after the failure, which has been told already.
    await new Promise<void>((resolve) => stream.end(() => resolve()))
  }
}

function parse (line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
