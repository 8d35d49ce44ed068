// Writes what comes in from outside to a file of its own, hashed and counted on the way, so that its size costs no memory.
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** On this machine's disk; whoever got it removes it. */
export interface IncomingFile { path: string, sha256: Buffer, size: number }

/** There was more than `mostBytes` of it. */
export class TooManyBytes extends Error {
  override readonly name = 'TooManyBytes'
}

const forgottenAfterMs = 24 * 3600_000
const swept = new Set<string>()

/** @throws TooManyBytes, or what the source threw; then nothing is left behind */
export async function receiveFile (dataDir: string, source: Readable, mostBytes: number): Promise<IncomingFile> {
  const folder = join(dataDir, 'media', 'incoming')
  await mkdir(folder, { recursive: true })
  await sweep(folder)
  const path = join(folder, randomUUID())
  const hash = createHash('sha256')
  let size = 0
  const counting = new Transform({
    transform (chunk: Buffer, _encoding, done) {
      size += chunk.length
      hash.update(chunk)
      if (size > mostBytes) done(new TooManyBytes())
      else done(null, chunk)
    }
  })
  try {
    await pipeline(source, counting, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return { path, sha256: hash.digest(), size }
}

/** Once in the life of a process: what a crash left half-written. */
async function sweep (folder: string): Promise<void> {
  if (swept.has(folder)) return
  swept.add(folder)
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    // Another process may be sweeping too.
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > forgottenAfterMs) await rm(path, { force: true })
  }
}
