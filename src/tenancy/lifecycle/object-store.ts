// What operations ask of a place for files, which a floor above opens from the settings.
import { type Readable } from 'node:stream'

export interface ObjectStore {
  put: (key: string, object: { sha256: Buffer, size: number, contentType: string, open: () => Readable }) => Promise<void>
  /** Undefined when nothing is kept under this key. */
  get: (key: string) => Promise<Readable | undefined>
  exists: (key: string) => Promise<boolean>
  /** Idempotent. */
  delete: (key: string) => Promise<void>
  /** Everything whose key begins with the folder's name and a slash. Idempotent. */
  deleteFolder: (folder: string) => Promise<void>
}
