// A bucket in memory that speaks as much of S3 as is used here, and refuses what is not signed as Signature Version 4 asks: written from
// the specification, not from the client, so that the two can disagree.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { type Keep, serveUpload, type Uploads, uploads } from './s3-uploads.js'

export interface S3Server {
  endpoint: string
  /** Path below the endpoint → object. */
  objects: Map<string, { content: Buffer, type: string, modified: Date }>
  /** Answers the next request with this status. */
  failNext: (status: number) => void
  /** Asked before each request is looked at: with what status, or what body beside 200, to answer it instead. */
  fault?: (asked: { method: string, url: string }) => number | string | undefined
  /** Of large objects, which come in parts. */
  uploads: Uploads
  /** Told of each object that is asked for, and from which byte. */
  onGet?: (first: number) => void
  close: () => Promise<void>
}

export const s3Account = { region: 'eu-central-1', accessKeyId: 'AKIATESTS', secretAccessKey: 'the secret of the tests' }

export async function startS3Server (bucket: string): Promise<S3Server> {
  const objects: S3Server['objects'] = new Map()
  const keep: Keep = (path, object) => { objects.set(path, { ...object, modified: new Date() }) }
  let failing: number | undefined
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const planned = s3.fault?.({ method: request.method ?? '', url: request.url ?? '' })
      if (typeof planned === 'string') {
        response.writeHead(200).end(planned)
        return
      }
      const fault = planned ?? failing ?? faultOf(request, Buffer.concat(chunks))
      failing = undefined
      if (fault === undefined && request.method === 'GET') s3.onGet?.(Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0))
      if (fault !== undefined) response.writeHead(typeof fault === 'number' ? fault : 403).end(`<Error><Code>${fault}</Code></Error>`)
      else if (!(request.url ?? '').startsWith(`/${bucket}/`)) response.writeHead(404).end('<Error><Code>NoSuchBucket</Code></Error>')
      else if (!serveUpload(request, response, Buffer.concat(chunks), s3.uploads, keep)) serve(request, response, Buffer.concat(chunks), objects)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const s3: S3Server = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    failNext: (status) => { failing = status },
    uploads: uploads(),
    close: () => new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => { resolve() })
    })
  }
  return s3
}

function serve ({ method, url = '', headers }: IncomingMessage, response: ServerResponse, content: Buffer, objects: S3Server['objects']): void {
  const found = objects.get(url)
  const [path = '', query = ''] = url.split('?')
  const asked = new URLSearchParams(query)
  if (method === 'GET' && asked.get('list-type') === '2') {
    const keys = [...objects.keys()].map((key) => key.slice(path.length)).filter((key) => key.startsWith(asked.get('prefix') ?? '') && key > (asked.get('start-after') ?? '')).sort()
    const page = keys.slice(0, Number(asked.get('max-keys')))
    response.writeHead(200).end(`<ListBucketResult>${page.map((key) => `<Contents><Key>${key}</Key><LastModified>${objects.get(path + key)?.modified.toISOString() ?? ''}</LastModified></Contents>`).join('')}</ListBucketResult>`)
    return
  }
  if (method === 'PUT') {
    objects.set(url, { content, type: headers['content-type'] ?? '', modified: new Date() })
    response.writeHead(200).end()
  } else if (method === 'DELETE') {
    objects.delete(url)
    response.writeHead(204).end()
  } else if (found === undefined) {
    response.writeHead(404).end(method === 'HEAD' ? undefined : '<Error><Code>NoSuchKey</Code></Error>')
  } else {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    const body = first === undefined ? found.content : found.content.subarray(Number(first), Number(last) + 1)
    response.writeHead(first === undefined ? 200 : 206, { 'content-type': found.type, 'content-length': body.length }).end(method === 'HEAD' ? undefined : body)
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function faultOf ({ method = '', url = '', headers }: IncomingMessage, body: Buffer): string | undefined {
  const [, keyId, date = '', region, signed = '', signature = ''] = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '') ?? []
  if (keyId !== s3Account.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== s3Account.region) return 'AuthorizationHeaderMalformed'
  if (method === 'PUT' && headers['content-length'] === undefined) return 'MissingContentLength'
  const time = String(headers['x-amz-date'])
  const hash = String(headers['x-amz-content-sha256'])
  if (hash !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const names = signed.split(';')
  if (!['host', 'x-amz-date', 'x-amz-content-sha256'].every((name) => names.includes(name))) return 'HeadersNotSigned'
  const [path = '', query = ''] = url.split('?')
  const canonical = [method, path, query, ...names.map((name) => `${name}:${String(headers[name]).trim()}`), '', signed, hash].join('\n')
  const scope = `${date}/${s3Account.region}/s3/aws4_request`
  const key = [date, s3Account.region, 's3', 'aws4_request'].reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`AWS4${s3Account.secretAccessKey}`))
  const wanted = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(Buffer.from(canonical))].join('\n'))
  return time.startsWith(date) && timingSafeEqual(wanted, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch'
}

function hmac (key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256 (content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
