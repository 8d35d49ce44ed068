// Keeps bytes as files below one folder: written aside, synced, and renamed, so that a file under its key is always whole.
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { problem } from '../../errors.js'
import { type NewObject, type Storage, type StoredObject } from './storage.js'

/** `folder` may be shared by several processes of one machine, or lie on a network file system that renames atomically. */
export function createFileStorage (folder: string): Storage {
  const pathOf = (key: string): string => join(folder, ...key.split('/'))
  return {
    put: (key, object) => orUnavailable(async () => { await writeWhole(folder, pathOf(key), object) }),
    get: (key, range) => orUnavailable(async () => {
      const file = await unlessMissing(open(pathOf(key), 'r'))
      return file?.createReadStream(range === undefined ? {} : { start: range.first, end: range.last })
    }),
    exists: (key) => orUnavailable(async () => await unlessMissing(stat(pathOf(key))) !== undefined),
    delete: (key) => orUnavailable(async () => { await rm(pathOf(key), { force: true }) }),
    list: (name, limit, after) => orUnavailable(async () => await listFiles(folder, name, limit, after)),
    deleteFolder: (name) => orUnavailable(async () => { await rm(pathOf(name), { recursive: true, force: true }) }),
    // Drafts of all folders lie in one.
    removeUnfinished: (_name, before) => orUnavailable(async () => { await removeDrafts(join(folder, drafts), before) }),
    close: async () => undefined
  }
}

const drafts = 'incoming'

async function writeWhole (folder: string, path: string, { open: openContent, sha256 }: NewObject): Promise<void> {
  const aside = join(folder, drafts)
  await Promise.all([mkdir(aside, { recursive: true }), mkdir(dirname(path), { recursive: true })])
  const draft = join(aside, randomUUID())
  const hash = createHash('sha256')
  try {
    const hashing = new Transform({
      transform (chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        done(null, chunk)
      }
    })
    // Flushed: on the disk before it is closed.
    await pipeline(openContent(), hashing, createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }))
    if (!hash.digest().equals(sha256)) throw new Error('The bytes changed while they were written.')
    await rename(draft, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

async function removeDrafts (folder: string, before: Date): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    const info = await unlessMissing(stat(path))
    if (info !== undefined && info.mtime < before) await rm(path, { force: true })
  }
}

/** Else a power cut could take back the new name. */
async function syncFolder (path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Two names deep, as keys are; what lies elsewhere is not ours. */
async function listFiles (root: string, folder: string, limit: number, after = ''): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for (const part of await namesIn(join(root, folder))) {
    for (const name of await namesIn(join(root, folder, part))) {
      const key = `${folder}/${part}/${name}`
      const info = key > after ? await unlessMissing(stat(join(root, key))) : undefined
      if (info !== undefined) found.push({ key, modifiedAt: info.mtime })
      if (found.length === limit) return found
    }
  }
  return found
}

async function namesIn (path: string): Promise<string[]> {
  const entries = await unlessMissing(readdir(path))
  return (entries ?? []).sort()
}

async function unlessMissing<T> (asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function orUnavailable<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: error })
  }
}
