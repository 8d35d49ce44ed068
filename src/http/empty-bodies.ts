// JSON bodies, of which an empty one is none: many clients name their content type on every POST.
import { type FastifyInstance } from 'fastify'

/** Where a body is needed its schema says that it is missing. */
export function takeEmptyBodies (app: FastifyInstance): void {
  // As Fastify's own: what would change an object's prototype is refused.
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, body, done)
  })
}
