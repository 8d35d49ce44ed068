// Keeps bytes in a bucket: what is larger than a part goes there in parts.
import { type Asked, type BucketSettings, openBucketClient, refusal, unavailable } from './s3-client.js'
import { abortUploads, putInParts, type UploadSettings } from './s3-upload.js'
import { type Storage, type StoredObject } from './storage.js'

/** Keys asked for at a time when a folder is emptied: the most that S3 lists. */
const pageSize = 1_000
/** A folder of ten million objects is emptied; a bucket that lists what it has deleted is not asked for ever. */
const mostPasses = 10_000
/** 10,000 of them, the most there may be, are 625 GiB; what is larger than that has larger parts. */
const usual: UploadSettings = { partBytes: 64 * 1_024 * 1_024, firstPauseMs: 500 }

export function createS3Storage (bucket: BucketSettings, settings = usual): Storage {
  const client = openBucketClient(bucket)
  const { ask, done, read } = client

  const list: Storage['list'] = async (folder, limit, after) => {
    const startAfter = after === undefined ? '' : `&start-after=${encodeURIComponent(after)}`
    return readListing(await read(`?list-type=2&max-keys=${limit}&prefix=${encodeURIComponent(`${folder}/`)}${startAfter}`, { method: 'GET' }))
  }

  return {
    async put (key, object) {
      const { open, openRange, size, sha256, contentType } = object
      if (openRange !== undefined && size > settings.partBytes) {
        await putInParts(client, key, { ...object, openRange }, settings)
        return
      }
      const headers = { 'content-length': String(size), 'content-type': contentType }
      const status = await done(key, { method: 'PUT', headers, body: open(), sha256: sha256.toString('hex') })
      if (status === 404) throw unavailable(new Error('There is no such bucket.'))
    },
    async get (key, range) {
      const asked: Asked = { method: 'GET', ...(range === undefined ? {} : { headers: { range: `bytes=${range.first}-${range.last}` } }) }
      const answer = await ask(key, asked)
      if (answer.statusCode === 404) {
        await answer.body.dump()
        return undefined
      }
      if (answer.statusCode !== (range === undefined ? 200 : 206)) throw await refusal('GET', answer)
      return answer.body
    },
    exists: async (key) => await done(key, { method: 'HEAD' }) !== 404,
    delete: async (key) => { await done(key, { method: 'DELETE' }) },
    list,
    async deleteFolder (folder) {
      for (let listed = await list(folder, pageSize), pass = 0; listed.length > 0; listed = await list(folder, pageSize), pass++) {
        if (pass === mostPasses) throw unavailable(new Error(`The bucket still lists ${folder} after ${mostPasses * pageSize} deletions.`))
        for (const { key } of listed) await done(key, { method: 'DELETE' })
      }
    },
    removeUnfinished: (folder, before) => abortUploads(client, folder, before),
    close: () => client.close()
  }
}

/** Keys are our own: letters, digits, and what needs no escaping in XML. */
function readListing (xml: string): StoredObject[] {
  return [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].flatMap(([, entry = '']) => {
    const key = /<Key>([^<]+)<\/Key>/.exec(entry)?.[1]
    return key === undefined ? [] : { key, modifiedAt: new Date(/<LastModified>([^<]+)<\/LastModified>/.exec(entry)?.[1] ?? NaN) }
  })
}
