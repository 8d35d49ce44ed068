// Answers with the bytes of a file, or the range of them that was asked for, in a way that no browser runs as a page.
import { type FastifyReply, type FastifyRequest } from 'fastify'
import { problem } from '../../errors.js'
import { type Storage, storageKey } from '../../providers/storage/storage.js'
import { isShownInline } from './limits.js'
import { type MediaRow } from './queries.js'
import { readRange } from './read-range.js'

/** Streams; give the database back first. @throws problem('MEDIA_GONE'), 'RANGE_NOT_SATISFIABLE', 'STORAGE_UNAVAILABLE' */
export async function sendContent (storage: Storage, tenantId: string, row: MediaRow, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { size, contentSha256, contentType } = row
  const etag = `"${contentSha256.toString('hex')}"`
  reply.headers({ etag, 'accept-ranges': 'bytes' })
  if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send()
  const { range: wanted, 'if-range': ifRange } = request.headers
  const range = readRange(ifRange === undefined || ifRange === etag ? wanted : undefined, size)
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${size}`)
    throw problem('RANGE_NOT_SATISFIABLE')
  }
  const content = await storage.get(storageKey(tenantId, contentSha256), range)
  if (content === undefined) throw problem('MEDIA_GONE')
  reply.headers({ 'content-type': contentType, 'content-disposition': disposition(row), 'content-length': size })
  if (range !== undefined) {
    reply.code(206).headers({ 'content-range': `bytes ${range.first}-${range.last}/${size}`, 'content-length': range.last - range.first + 1 })
  }
  return reply.send(content)
}

function isKnown (header: string | undefined, etag: string): boolean {
  return header !== undefined && (header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag))
}

/** The name for old readers in plain ASCII, and whole as RFC 8187 has it. */
function disposition ({ contentType, name }: MediaRow): string {
  const way = isShownInline(contentType) ? 'inline' : 'attachment'
  if (name === null) return way
  const plain = name.replace(/[^\x20-\x7e]|["\\]/g, '_')
  const whole = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  return `${way}; filename="${plain}"; filename*=UTF-8''${whole}`
}
