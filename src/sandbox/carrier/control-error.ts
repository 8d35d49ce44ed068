// Errors of the control API, as application/problem+json.
import type { FastifyReply } from 'fastify'
import { InvalidBody } from './read-request.js'

export class ControlError extends Error {
  readonly statusCode: number
  readonly detail: string

  constructor (statusCode: number, title: string, detail: string) {
    super(title)
    this.statusCode = statusCode
    this.detail = detail
  }
}

export function sendControlError (error: Error & { statusCode?: number }, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  const problem = error instanceof ControlError
    ? { title: error.message, detail: error.detail }
    : { title: status < 500 ? 'The request does not fit' : 'The sandbox failed', detail: error.message }
  const errors = error instanceof InvalidBody ? { errors: error.fields } : {}
  return reply.code(status).type('application/problem+json').send({ type: 'about:blank', status, ...problem, ...errors })
}
