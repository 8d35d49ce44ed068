// Pictures of the phones: a phone puts one up before it texts it, the phone page shows them, the service fetches them.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { fileTypeFromBuffer } from 'file-type'
import { ControlError } from './control-error.js'
import { type MediaFolder, mediaPath } from './media-folder.js'
import { readParam } from './read-request.js'
import { sandboxRoute } from './sandbox-route.js'

/** Bytes of a picture that a phone sends. */
const mostFromPhone = 5_000_000

/** On the service's own address: whatever it is, no browser runs it as a page. */
const headers = {
  'cache-control': 'private, max-age=86400, immutable',
  'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff'
}

export function mediaRoutes (app: FastifyInstance, folder: MediaFolder): void {
  app.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })

  app.post('/media', { ...sandboxRoute, bodyLimit: mostFromPhone }, async (request, reply) => {
    const { body } = request
    const found = Buffer.isBuffer(body) ? await fileTypeFromBuffer(body) : undefined
    if (!Buffer.isBuffer(body) || found?.mime.startsWith('image/') !== true) {
      throw new ControlError(415, 'Not a picture', 'Send the bytes of one picture as the body, with a Content-Type such as image/jpeg.')
    }
    const { file, ...kept } = await folder.keep(body)
    return reply.code(201).send({ url: `${ownAddress(request)}${mediaPath}/${file}`, ...kept })
  })

  app.get('/media/:file', sandboxRoute, async (request, reply) => {
    const content = folder.read(readParam(request, 'file'))
    if (content === undefined) throw new ControlError(404, 'Not found', 'The sandbox keeps no such file, or keeps it no longer.')
    const type = (await fileTypeFromBuffer(content))?.mime ?? 'application/octet-stream'
    return reply.headers({ ...headers, 'content-disposition': type.startsWith('image/') ? 'inline' : 'attachment' }).type(type).send(content)
  })
}

/** Where this very request came in: the service on this machine can reach it, by whatever name the browser did. */
function ownAddress ({ socket: { localAddress = '127.0.0.1', localPort = 80 } }: FastifyRequest): string {
  const address = localAddress.replace(/^::ffff:/, '')
  return `http://${address.includes(':') ? `[${address}]` : address}:${localPort}`
}
