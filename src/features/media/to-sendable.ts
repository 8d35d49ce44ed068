// Makes of an uploaded file what carriers take, or says why they do not.
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { problem } from '../../errors.js'
import { type IncomingFile } from './incoming-file.js'
import { type KeptContent, sha256Of } from './keep-file.js'
import { kindOf, mostInMessage } from './limits.js'
import { reducePicture } from './reduce-picture.js'
import { sniffType } from './sniff-type.js'

export type SendableFile = KeptContent

/** @throws problem('MEDIA_UNREADABLE') for an empty file or a broken picture, 'MEDIA_TYPE_REFUSED', 'MEDIA_TOO_LARGE', 'MEDIA_BUSY' */
export async function toSendable ({ path, sha256, size }: IncomingFile): Promise<SendableFile> {
  if (size === 0) throw problem('MEDIA_UNREADABLE', { detail: 'The file is empty. Choose another.' })
  const type = await sniffType(path)
  const kind = kindOf(type)
  if (kind === undefined) throw problem('MEDIA_TYPE_REFUSED')
  if (kind === 'picture') {
    const { content, contentType, width, height } = await reducePicture(path, type)
    return { open: () => Readable.from([content]), sha256: sha256Of(content), size: content.length, contentType, width, height }
  }
  if (size > mostInMessage) throw problem('MEDIA_TOO_LARGE')
  return { open: () => createReadStream(path), sha256, size, contentType: type, width: null, height: null }
}
