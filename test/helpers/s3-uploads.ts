// The part of the bucket in memory that takes objects in parts, as the S3 API reference says.
import { createHash, randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse } from 'node:http'

interface Upload { path: string, type: string, begun: Date, parts: Map<number, { tag: string, content: Buffer }> }

export interface Uploads {
  /** Uploads under way by their ids. */
  open: Map<string, Upload>
  /** Numbers of the parts that came, in the order of their coming, also those that were refused. */
  came: number[]
  /** Begins one, as a process that then dies. */
  begin: (path: string, begun?: Date) => string
}

export type Keep = (path: string, object: { content: Buffer, type: string }) => void

/** Amazon's is 5 MiB. */
const leastPart = 1_000
const pageOf = 2

export function uploads (): Uploads {
  const open: Uploads['open'] = new Map()
  return {
    open,
    came: [],
    begin (path, begun = new Date()) {
      const id = randomUUID()
      open.set(id, { path, type: 'application/octet-stream', begun, parts: new Map() })
      return id
    }
  }
}

/** Whether the request was about parts; then it has been answered. */
export function serveUpload ({ method, url = '', headers }: IncomingMessage, response: ServerResponse, content: Buffer, { open, begin, came }: Uploads, keep: Keep): boolean {
  const [path = '', query = ''] = url.split('?')
  const asked = new URLSearchParams(query)
  const id = asked.get('uploadId')
  if (asked.has('uploads') && method === 'GET') {
    response.writeHead(200).end(list(open, path, asked))
  } else if (asked.has('uploads') && method === 'POST') {
    const begun = begin(path)
    Object.assign(open.get(begun) ?? {}, { type: headers['content-type'] ?? '' })
    response.writeHead(200).end(`<InitiateMultipartUploadResult><UploadId>${begun}</UploadId></InitiateMultipartUploadResult>`)
  } else if (id === null) {
    return false
  } else {
    const upload = open.get(id)
    if (upload?.path !== path) response.writeHead(404).end('<Error><Code>NoSuchUpload</Code></Error>')
    else if (method === 'PUT') takePart(upload, Number(asked.get('partNumber')), content, response, came)
    else if (method === 'POST') putTogether(upload, content.toString(), response, (whole) => { open.delete(id); keep(path, { content: whole, type: upload.type }) })
    else response.writeHead(open.delete(id) ? 204 : 404).end()
  }
  return true
}

function takePart ({ parts }: Upload, number: number, content: Buffer, response: ServerResponse, came: number[]): void {
  came.push(number)
  const tag = `"${createHash('md5').update(content).digest('hex')}"`
  parts.set(number, { tag, content })
  response.writeHead(200, { etag: tag }).end()
}

function putTogether ({ parts }: Upload, manifest: string, response: ServerResponse, keep: (whole: Buffer) => void): void {
  const named = [...manifest.matchAll(/<Part><PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag><\/Part>/g)].map(([, number, tag]) => ({ number: Number(number), tag }))
  const found = named.map(({ number, tag }) => parts.get(number)?.tag === tag ? parts.get(number)?.content : undefined)
  const whole = found.filter((content) => content !== undefined)
  const fault = named.length === 0 || whole.length < named.length
    ? 'InvalidPart'
    : named.some(({ number }, index) => index > 0 && number <= (named[index - 1]?.number ?? 0))
      ? 'InvalidPartOrder'
      : whole.slice(0, -1).some(({ length }) => length < leastPart) ? 'EntityTooSmall' : undefined
  if (fault !== undefined) {
    response.writeHead(400).end(`<Error><Code>${fault}</Code></Error>`)
    return
  }
  keep(Buffer.concat(whole))
  response.writeHead(200).end('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
}

/** Two on a page, so that there are several. */
function list (open: Uploads['open'], root: string, asked: URLSearchParams): string {
  const all = [...open].map(([id, { path, begun }]) => ({ id, key: path.slice(root.length), begun })).filter(({ key }) => key.startsWith(asked.get('prefix') ?? ''))
    .sort((one, other) => one.key === other.key ? (one.id < other.id ? -1 : 1) : one.key < other.key ? -1 : 1)
  const [key, id] = [asked.get('key-marker') ?? '', asked.get('upload-id-marker') ?? '']
  const rest = all.filter((upload) => upload.key > key || (upload.key === key && upload.id > id))
  const page = rest.slice(0, pageOf)
  const last = page.at(-1)
  const marks = rest.length > pageOf && last !== undefined ? `<IsTruncated>true</IsTruncated><NextKeyMarker>${last.key}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>` : '<IsTruncated>false</IsTruncated>'
  return `<ListMultipartUploadsResult>${marks}${page.map((upload) => `<Upload><Key>${upload.key}</Key><UploadId>${upload.id}</UploadId><Initiated>${upload.begun.toISOString()}</Initiated></Upload>`).join('')}</ListMultipartUploadsResult>`
}
