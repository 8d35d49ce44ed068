// What a text of a conversation shows beside its words, as the database holds it: checked whenever it is read.
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'

const text = Type.Union([Type.String(), Type.Null()])

/**
 * `url`: where it came from, or where the carrier was told to fetch it; null for files of ours. `mediaId`: the file of ours.
 * external: a URL of somebody's. pending: still with the carrier. stored: ours. failed: could not be fetched, `reason` says why.
 * deleted: it was ours. `size` in bytes.
 */
const StoredMedia = Type.Object({
  url: text,
  contentType: text,
  size: Type.Union([Type.Integer(), Type.Null()]),
  mediaId: Type.Optional(text),
  // Texts from before files were copied have none.
  state: Type.Optional(Type.Enum(['external', 'pending', 'stored', 'failed', 'deleted'])),
  reason: Type.Optional(text)
})
export type StoredMedia = Static<typeof StoredMedia>

const list = Compile(Type.Array(StoredMedia))

/** @throws TypeError for whatever this service did not write */
export function readStoredMedia (value: unknown): StoredMedia[] {
  if (list.Check(value)) return value
  throw new TypeError('The media of a conversation message are not in the shape this version knows.')
}

export function externalMedia (url: string): StoredMedia {
  return { url, contentType: null, size: null, mediaId: null, state: 'external', reason: null }
}

export function pendingMedia ({ url, contentType, size }: { url: string, contentType: string | null, size: number | null }): StoredMedia {
  // Carriers tell sizes as they like.
  return { url, contentType, size: Number.isSafeInteger(size) ? size : null, mediaId: null, state: 'pending', reason: null }
}

export function keptMedia ({ id, contentType, size }: { id: string, contentType: string, size: number }): StoredMedia {
  return { url: null, contentType, size, mediaId: id, state: 'stored', reason: null }
}
