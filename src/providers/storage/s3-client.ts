// Asks a bucket that speaks Amazon's S3: aws4fetch signs each request, undici, loaded for the first, carries it as a stream of known length.
import { AwsV4Signer } from 'aws4fetch'
import { createHash } from 'node:crypto'
import { type Readable } from 'node:stream'
import { type Dispatcher } from 'undici'
import { problem } from '../../errors.js'

export interface BucketSettings {
  /** Such as https://s3.eu-central-1.amazonaws.com; the bucket is the first part of the path. */
  endpoint: string
  bucket: string
  region: string
  accessKeyId: string
  secretAccessKey: string
}

export interface Asked {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  headers?: Record<string, string>
  /** Of a stream, say `sha256` too, and its length in the headers. */
  body?: Readable | string
  /** Hex. */
  sha256?: string
  signal?: AbortSignal
}

export interface BucketClient {
  /** `path`: a key, and a query whose fields stand in the order of their names, as they are signed. @throws Problem STORAGE_UNAVAILABLE */
  ask: (path: string, asked: Asked) => Promise<Dispatcher.ResponseData>
  /** The same; any answer but 2xx and 404 is an error, and what it says is passed over. Returns the status. */
  done: (path: string, asked: Asked) => Promise<number>
  /** The same; any answer but 200 is an error. Returns what it says. */
  read: (path: string, asked: Asked) => Promise<string>
  close: () => Promise<void>
}

/** Milliseconds until the bucket must have begun to answer, and between two pieces of what it sends. */
const patienceMs = 15_000

export function openBucketClient ({ endpoint, bucket, region, accessKeyId, secretAccessKey }: BucketSettings): BucketClient {
  let opened: ReturnType<typeof openHttp> | undefined
  const base = `${endpoint.replace(/\/$/, '')}/${bucket}`

  const ask: BucketClient['ask'] = async (path, { method, headers = {}, body, sha256, signal }) => {
    try {
      const hash = sha256 ?? createHash('sha256').update(typeof body === 'string' ? body : '').digest('hex')
      const signed = await new AwsV4Signer({
        method, url: `${base}/${path}`, headers: { ...headers, 'x-amz-content-sha256': hash }, service: 's3', region, accessKeyId, secretAccessKey
      }).sign()
      opened ??= openHttp()
      const { request, agent } = await opened
      return await request(signed.url, { method, headers: Object.fromEntries(signed.headers), body: body ?? null, dispatcher: agent, signal: signal ?? null })
    } catch (error) {
      if (typeof body === 'object') body.destroy()
      throw unavailable(error)
    }
  }

  return {
    ask,
    async done (path, asked) {
      const answer = await ask(path, asked)
      if (answer.statusCode >= 300 && answer.statusCode !== 404) throw await refusal(asked.method, answer)
      await answer.body.dump()
      return answer.statusCode
    },
    async read (path, asked) {
      const answer = await ask(path, asked)
      if (answer.statusCode !== 200) throw await refusal(asked.method, answer)
      return await answer.body.text()
    },
    close: async () => { await (await opened)?.agent.close() }
  }
}

async function openHttp () {
  const { Agent, request } = await import('undici')
  return { request, agent: new Agent({ connect: { timeout: 5_000 }, headersTimeout: patienceMs, bodyTimeout: patienceMs, connections: 32 }) }
}

export const unavailable = (cause: unknown) => problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause })

/** The bucket's words are for the log: they tell an operator which setting is wrong. */
export async function refusal (method: string, { statusCode, body }: Dispatcher.ResponseData): Promise<Error> {
  const words = statusCode === 304 ? '' : (await body.text()).slice(0, 500)
  return unavailable(new Error(`The bucket answered ${method} with ${statusCode}: ${words}`))
}
