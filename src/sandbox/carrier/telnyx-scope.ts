// What all routes of the carrier's Telnyx API share: the key check, the check of what was asked, and the error shape.
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { takePublishedRequestsOnly } from './check-request.js'
import { InvalidBody } from './read-request.js'
import { TelnyxError, telnyxErrors } from './telnyx-error.js'

export function telnyxScope (routes: (scope: FastifyInstance) => void, refused: (what: string) => void): FastifyPluginAsync {
  return async (scope) => {
    scope.addHook('onRequest', async ({ headers }) => {
      // Any key will do: the sandbox has one account.
      if (!/^Bearer \S+/i.test(headers.authorization ?? '')) {
        throw new TelnyxError(401, '10009', 'Send a key: Authorization: Bearer <any text>.')
      }
    })
    scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
      if (error instanceof TelnyxError) return reply.code(error.statusCode).send(error.toJSON())
      const status = error.statusCode ?? 500
      if (status >= 500) request.log.error({ err: error }, 'The sandbox carrier failed')
      const code = status < 500 ? '10015' : '10007'
      const title = error instanceof InvalidBody ? 'Invalid parameter' : status < 500 ? 'Bad Request' : 'Unexpected error'
      return reply.code(status).send(telnyxErrors({ code, title, detail: error.message }))
    })
    scope.setNotFoundHandler((request, reply) => reply.code(404).send(
      telnyxErrors({ code: '10005', title: 'Resource not found', detail: `The sandbox carrier does not know ${request.method} on this path.` })
    ))
    takePublishedRequestsOnly(scope, refused)
    routes(scope)
  }
}
