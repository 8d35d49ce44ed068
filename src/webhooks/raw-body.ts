// Gives a scope's handlers the body as the bytes that were sent: a signature covers them, and nothing parsed from them.
import { type FastifyInstance } from 'fastify'

/** Every content type is taken; without a body the handler gets no bytes. Applies to the scope it is called on and those within. */
export function takeRawBodies (scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  scope.addHook('preHandler', (request, _reply, done) => {
    request.body ??= Buffer.alloc(0)
    done()
  })
}
