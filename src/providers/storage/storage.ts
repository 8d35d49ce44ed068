// What the service asks of a place for bytes: to keep them under a key, and to give back all or a range of them.
import { type Readable } from 'node:stream'

/** Both ends count: 0 to 0 is the first byte. */
export interface ByteRange { first: number, last: number }

export interface NewObject {
  /** Of what `open` gives. */
  sha256: Buffer
  /** Bytes, of what `open` gives. */
  size: number
  contentType: string
  /** The bytes from their beginning; called at most once for each `put`. */
  open: () => Readable
  /** Any part of them, as often as asked for: with it, what is large may be brought in in several parts at a time. */
  openRange?: (range: ByteRange) => Readable
}

/** What is kept under a key, and since when. */
export interface StoredObject { key: string, modifiedAt: Date }

/** Everything that can fail for the place's own sake throws problem('STORAGE_UNAVAILABLE'). */
export interface Storage {
  /** Whole or not at all. Under a key made of their hash the same bytes may be put again, and at the same time. */
  put: (key: string, object: NewObject) => Promise<void>
  /** Undefined when nothing is kept under this key. The caller reads the stream to its end or destroys it. */
  get: (key: string, range?: ByteRange) => Promise<Readable | undefined>
  exists: (key: string) => Promise<boolean>
  /** Idempotent. */
  delete: (key: string) => Promise<void>
  /** Of what `storageKey` has put into the folder, `limit` at most, in the order of keys, after the key `after`. */
  list: (folder: string, limit: number, after?: string) => Promise<StoredObject[]>
  /** Everything whose key begins with the folder's name and a slash. Idempotent. */
  deleteFolder: (folder: string) => Promise<void>
  /** What processes that died in a `put` into the folder have left and was begun before then. It is under no key, and takes room all the same. */
  removeUnfinished: (folder: string, before: Date) => Promise<void>
  close: () => Promise<void>
}

/** Each organization has a folder of its own; in it the hash of the bytes names them. */
export function storageKey (tenantId: string, sha256: Buffer): string {
  const name = sha256.toString('hex')
  return `${tenantId}/${name.slice(0, 2)}/${name}`
}
