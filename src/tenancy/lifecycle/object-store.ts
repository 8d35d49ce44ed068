// What operations ask of a place for files, which a floor above opens from the settings.
import { type Readable } from 'node:stream'

export interface ObjectStore {
  /** `openRange`: both ends count. */
  put: (key: string, object: { sha256: Buffer, size: number, contentType: string, open: () => Readable, openRange: (range: { first: number, last: number }) => Readable }) => Promise<void>
  /** Undefined when nothing is kept under this key. */
  get: (key: string) => Promise<Readable | undefined>
  exists: (key: string) => Promise<boolean>
  /** Idempotent. */
  delete: (key: string) => Promise<void>
  /** Everything whose key begins with the folder's name and a slash. Idempotent. */
  deleteFolder: (folder: string) => Promise<void>
  /** What processes that died in a `put` into the folder have left and was begun before then. */
  removeUnfinished: (folder: string, before: Date) => Promise<void>
}

/** Folders of files of tenants, with the tenant's id below each: no id begins with an underscore. */
export const folders = { archives: '_archives', backups: '_backups' } as const
