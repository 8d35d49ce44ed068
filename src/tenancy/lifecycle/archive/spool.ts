// A file on its way to the storage, which wants to know its length and hash beforehand.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ObjectStore } from '../object-store.js'

export interface Stored { size: number, sha256: Buffer }

/** Older ones are what a crash left. */
const STALE_MS = 2 * 86_400_000

/** `spool`: a folder; its files are as encrypted as `content` is. */
export async function store (archives: ObjectStore, spool: string, key: string, content: AsyncIterable<Buffer>): Promise<Stored> {
  await mkdir(spool, { recursive: true, mode: 0o700 })
  await removeStale(spool)
  const path = join(spool, key.replaceAll('/', '-'))
  const bytes = measuring(content)
  try {
    await pipeline(Readable.from(bytes.content), createWriteStream(path, { mode: 0o600 }))
    const stored = bytes.measured()
    await putFile(archives, key, path, stored)
    return stored
  } finally {
    await rm(path, { force: true })
  }
}

/** `measured`: of what has been read of `content`, once it has all been. */
export function measuring (source: AsyncIterable<Buffer>): { content: AsyncGenerator<Buffer, void>, measured: () => Stored } {
  const hash = createHash('sha256')
  let size = 0
  async function * content (): AsyncGenerator<Buffer, void> {
    for await (const chunk of source) {
      hash.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  return { content: content(), measured: () => ({ size, sha256: hash.digest() }) }
}

/** A file of this machine into the storage. */
export async function putFile (archives: ObjectStore, key: string, path: string, stored: Stored): Promise<void> {
  await archives.put(key, {
    ...stored,
    contentType: 'application/octet-stream',
    open: () => createReadStream(path),
    openRange: ({ first, last }) => createReadStream(path, { start: first, end: last })
  })
}

async function removeStale (spool: string): Promise<void> {
  for (const name of await readdir(spool)) {
    const path = join(spool, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true })
  }
}
