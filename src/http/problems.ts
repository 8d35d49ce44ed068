// Turns every error into an RFC 9457 problem document. What is ours to fix is logged whole and shown as INTERNAL_ERROR.
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem, problem } from '../errors.js'
import { fieldErrors } from './field-errors.js'

export default fp(async (app: FastifyInstance) => {
  app.setErrorHandler((error: FastifyError, request, reply) => answerProblem(toProblem(error, request), error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const found = problem('ROUTE_NOT_FOUND')
    return answerProblem(found, found, request, reply)
  })
}, { name: 'problems' })

/** For what fails before any route, such as a path that can't be decoded: no hook has run for it. */
export function answerFrameworkError (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  answerProblem(error.code === 'FST_ERR_BAD_URL' ? problem('PATH_MALFORMED', { cause: error }) : toProblem(error, request), error, request, reply)
}

function answerProblem (found: Problem, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (found.status >= 500) request.log[found.status === 503 ? 'warn' : 'error']({ err: error }, 'request failed')
  if (found.retryAfter !== undefined) reply.header('retry-after', String(Math.ceil(found.retryAfter)))
  if (found.status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.status(found.status).type('application/problem+json').send(JSON.stringify({
    type: 'about:blank',
    title: found.title,
    status: found.status,
    code: found.code,
    detail: found.message,
    requestId: request.id,
    ...(found.errors === undefined ? {} : { errors: found.errors }),
    ...found.extensions
  }))
}

function toProblem (error: FastifyError, { body }: Pick<FastifyRequest, 'body'>): Problem {
  if (error instanceof Problem) return error
  if (error.validationContext === 'body' && body === undefined) {
    return problem('VALIDATION_FAILED', { detail: 'This request needs a body, and has none.', errors: [{ path: '/body', message: 'is required' }], cause: error })
  }
  if (error.validation !== undefined) {
    return problem('VALIDATION_FAILED', { errors: fieldErrors(error.validation, error.validationContext ?? 'body'), cause: error })
  }
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return problem('CONTENT_TYPE_UNSUPPORTED', { cause: error })
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return problem('BODY_TOO_LARGE', { cause: error })
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH': return problem('BODY_MALFORMED', { cause: error })
    // SQLSTATEs of text that PostgreSQL cannot hold, such as a zero byte or half a surrogate pair: it came from the caller.
    case '22021':
    case '22P02':
    case '22P05': return problem('VALIDATION_FAILED', { detail: 'The text contains a character that cannot be stored, such as U+0000. Leave it out.', cause: error })
    default: return error.statusCode === 400 ? problem('BODY_MALFORMED', { cause: error }) : problem('INTERNAL_ERROR', { cause: error })
  }
}
