// Keeps bytes in a bucket that speaks Amazon's S3: aws4fetch signs each request, undici carries it as a stream of known length.
import { AwsV4Signer } from 'aws4fetch'
import { type Readable } from 'node:stream'
import { Agent, type Dispatcher, request } from 'undici'
import { problem } from '../../errors.js'
import { type Storage, type StoredObject } from './storage.js'

export interface BucketSettings {
  /** Such as https://s3.eu-central-1.amazonaws.com; the bucket is the first part of the path. */
  endpoint: string
  bucket: string
  region: string
  accessKeyId: string
  secretAccessKey: string
}

interface Asked { method: 'GET' | 'HEAD' | 'PUT' | 'DELETE', headers?: Record<string, string>, body?: Readable, sha256?: string }

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** Milliseconds until the bucket must have begun to answer, and between two pieces of what it sends. */
const patienceMs = 15_000
/** Keys asked for at a time when a folder is emptied: the most that S3 lists. */
const pageSize = 1_000
/** A folder of ten million objects is emptied; a bucket that lists what it has deleted is not asked for ever. */
const mostPasses = 10_000

export function createS3Storage ({ endpoint, bucket, region, accessKeyId, secretAccessKey }: BucketSettings): Storage {
  const agent = new Agent({ connect: { timeout: 5_000 }, headersTimeout: patienceMs, bodyTimeout: patienceMs, connections: 32 })
  const base = `${endpoint.replace(/\/$/, '')}/${bucket}`

  const ask = async (key: string, { method, headers = {}, body, sha256 = emptySha256 }: Asked): Promise<Dispatcher.ResponseData> => {
    try {
      const signed = await new AwsV4Signer({
        method, url: `${base}/${key}`, headers: { ...headers, 'x-amz-content-sha256': sha256 }, service: 's3', region, accessKeyId, secretAccessKey
      }).sign()
      return await request(signed.url, { method, headers: Object.fromEntries(signed.headers), body: body ?? null, dispatcher: agent })
    } catch (error) {
      body?.destroy()
      throw problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: error })
    }
  }

  const done = async (key: string, asked: Asked): Promise<number> => {
    const answer = await ask(key, asked)
    if (answer.statusCode >= 300 && answer.statusCode !== 404) throw await refusal(asked.method, answer)
    await answer.body.dump()
    return answer.statusCode
  }

  const list: Storage['list'] = async (folder, limit, after) => {
    // In the order of their names, as they are signed.
    const startAfter = after === undefined ? '' : `&start-after=${encodeURIComponent(after)}`
    const answer = await ask(`?list-type=2&max-keys=${limit}&prefix=${encodeURIComponent(`${folder}/`)}${startAfter}`, { method: 'GET' })
    if (answer.statusCode !== 200) throw await refusal('GET', answer)
    return readListing(await answer.body.text())
  }

  return {
    async put (key, { open, size, sha256, contentType }) {
      const headers = { 'content-length': String(size), 'content-type': contentType }
      const status = await done(key, { method: 'PUT', headers, body: open(), sha256: sha256.toString('hex') })
      if (status === 404) throw problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: new Error('There is no such bucket.') })
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
        if (pass === mostPasses) throw problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: new Error(`The bucket still lists ${folder} after ${mostPasses * pageSize} deletions.`) })
        for (const { key } of listed) await done(key, { method: 'DELETE' })
      }
    },
    close: () => agent.close()
  }
}

/** Keys are our own: letters, digits, and what needs no escaping in XML. */
function readListing (xml: string): StoredObject[] {
  return [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].flatMap(([, entry = '']) => {
    const key = /<Key>([^<]+)<\/Key>/.exec(entry)?.[1]
    return key === undefined ? [] : { key, modifiedAt: new Date(/<LastModified>([^<]+)<\/LastModified>/.exec(entry)?.[1] ?? NaN) }
  })
}

/** The bucket's words are for the log: they tell an operator which setting is wrong. */
async function refusal (method: string, { statusCode, body }: Dispatcher.ResponseData): Promise<Error> {
  const words = statusCode === 304 ? '' : (await body.text()).slice(0, 500)
  return problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: new Error(`The bucket answered ${method} with ${statusCode}: ${words}`) })
}
