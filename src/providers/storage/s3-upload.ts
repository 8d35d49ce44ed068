// Brings a large object into a bucket in parts, several at a time; when one can't be had all are given up, so that none is left to be paid for.
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type BucketClient, refusal, unavailable } from './s3-client.js'
import { type ByteRange, type NewObject } from './storage.js'

export interface UploadSettings {
  /** S3 takes no part under 5 MiB but the last. */
  partBytes: number
  /** Milliseconds before a part is tried again; doubled each time. */
  firstPauseMs: number
}

interface Part extends ByteRange { number: number, sha256: string }

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const mostParts = 10_000
const atOnce = 4
const tries = 4
/** Milliseconds that one try of one part may take: 64 MiB at a megabit a second. */
const partPatienceMs = 600_000
/** Uploads asked for at a time, the most that S3 lists, and how often at most. */
const [pageSize, mostPages] = [1_000, 100]

/** @throws Problem STORAGE_UNAVAILABLE, also when the bytes are not those of the hash; then nothing is kept */
export async function putInParts (client: BucketClient, key: string, object: NewObject & Required<Pick<NewObject, 'openRange'>>, settings: UploadSettings): Promise<void> {
  const parts = await divide(object, Math.max(settings.partBytes, Math.ceil(object.size / mostParts)))
  const begun = await client.read(`${key}?uploads=`, { method: 'POST', headers: { 'content-type': object.contentType } })
  const id = textOf(begun, 'UploadId')
  if (id === undefined) throw unavailable(new Error(`The bucket gave an upload no id: ${begun.slice(0, 500)}`))
  const upload = `uploadId=${encodeURIComponent(id)}`
  try {
    const tags = await sendParts(parts, settings, async (part, signal) => {
      const body = object.openRange(part)
      const headers = { 'content-length': String(part.last - part.first + 1) }
      const answer = await client.ask(`${key}?partNumber=${part.number}&${upload}`, { method: 'PUT', headers, body, sha256: part.sha256, signal })
      const words = (await answer.body.text()).slice(0, 500)
      const tag = answer.headers.etag
      if (answer.statusCode !== 200 || typeof tag !== 'string') throw new Error(`The bucket answered part ${part.number} with ${answer.statusCode}: ${words}`)
      return tag
    })
    await complete(client, `${key}?${upload}`, tags, settings)
  } catch (error) {
    // Nothing is under way any more, so this leaves no part behind. Where it fails the sweep does it.
    const gaveUp = await client.done(`${key}?${upload}`, { method: 'DELETE' }).then(() => undefined, (failure: unknown) => failure)
    throw unavailable(gaveUp === undefined ? error : new AggregateError([error, gaveUp], 'A large file could not be brought into the bucket, and what was brought not be given up.'))
  }
}

/** Reads everything once: each part is signed with its own hash, and all of them are the object that was meant. */
async function divide ({ open, size, sha256 }: NewObject, partBytes: number): Promise<Part[]> {
  const whole = createHash('sha256')
  const parts: Part[] = []
  let [hash, length, first] = [createHash('sha256'), 0, 0]
  const endPart = (): void => {
    parts.push({ number: parts.length + 1, first, last: first + length - 1, sha256: hash.digest('hex') });
    [hash, first, length] = [createHash('sha256'), first + length, 0]
  }
  try {
    for await (const chunk of open()) {
      whole.update(chunk as Buffer)
      for (let rest = chunk as Buffer; rest.length > 0;) {
        const piece = rest.subarray(0, partBytes - length)
        hash.update(piece)
        length += piece.length
        rest = rest.subarray(piece.length)
        if (length === partBytes) endPart()
      }
    }
  } catch (error) {
    throw unavailable(error)
  }
  if (length > 0) endPart()
  if (first !== size || !whole.digest().equals(sha256)) throw unavailable(new Error('The bytes are not those that were to be kept.'))
  return parts
}

type SendPart = (part: Part, signal: AbortSignal) => Promise<string>

/** Resolves or rejects when none is under way any more. Returns the parts' tags in order. */
async function sendParts (parts: readonly Part[], { firstPauseMs }: UploadSettings, send: SendPart): Promise<string[]> {
  const failed = new AbortController()
  const waiting = [...parts]
  const tags: string[] = []
  const work = async (): Promise<void> => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const next = part
      tags[next.number - 1] = await again(firstPauseMs, failed.signal, () => send(next, AbortSignal.any([failed.signal, AbortSignal.timeout(partPatienceMs)])))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, () => work().catch((error: unknown) => { failed.abort(error) })))
  failed.signal.throwIfAborted()
  return tags
}

async function again<T> (firstPauseMs: number, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ;) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (++failures === tries) throw error
      await pause(firstPauseMs * 2 ** (failures - 1), undefined, { signal })
    }
  }
}

/** The answer may be 200 and tell of an error all the same. */
async function complete (client: BucketClient, path: string, tags: readonly string[], { firstPauseMs }: UploadSettings): Promise<void> {
  const body = `<CompleteMultipartUpload>${tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`).join('')}</CompleteMultipartUpload>`
  await again(firstPauseMs, new AbortController().signal, async () => {
    const words = await client.read(path, { method: 'POST', headers: { 'content-type': 'application/xml' }, body })
    if (!words.includes('<CompleteMultipartUploadResult')) throw new Error(`The bucket did not put the parts together: ${words.slice(0, 500)}`)
  })
}

/** What processes that died have left of objects in the folder. A service that can't list them (501) has to end them by a rule of its own. */
export async function abortUploads (client: BucketClient, folder: string, before: Date): Promise<void> {
  let marker = { key: '', upload: '' }
  for (let page = 0; page < mostPages; page++) {
    const [after, afterUpload] = marker.key === '' ? ['', ''] : [`key-marker=${encodeURIComponent(marker.key)}&`, `upload-id-marker=${encodeURIComponent(marker.upload)}&`]
    const answer = await client.ask(`?${after}max-uploads=${pageSize}&prefix=${encodeURIComponent(`${folder}/`)}&${afterUpload}uploads=`, { method: 'GET' })
    if (answer.statusCode === 501) {
      await answer.body.dump()
      return
    }
    if (answer.statusCode !== 200) throw await refusal('GET', answer)
    const listed = await answer.body.text()
    for (const [, entry = ''] of listed.matchAll(/<Upload>(.*?)<\/Upload>/gs)) {
      const [key, id, begun] = [textOf(entry, 'Key'), textOf(entry, 'UploadId'), textOf(entry, 'Initiated')]
      if (key !== undefined && id !== undefined && new Date(begun ?? NaN) < before) await client.done(`${key}?uploadId=${encodeURIComponent(id)}`, { method: 'DELETE' })
    }
    if (textOf(listed, 'IsTruncated') !== 'true') return
    marker = { key: textOf(listed, 'NextKeyMarker') ?? '', upload: textOf(listed, 'NextUploadIdMarker') ?? '' }
  }
}

/** Of what has no children; keys and ids need no escaping in XML. */
const textOf = (xml: string, name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
