// What every use of the Idempotency-Key header shares: reading it, telling requests apart, and what a key that is taken means.
import { type FastifyReply, type FastifyRequest } from 'fastify'
import { problem } from '../errors.js'

export const answersKeptForMs = 24 * 3600_000

/** What a route that takes the header may answer because of it. */
export const idempotencyProblems = ['VALIDATION_FAILED', 'IDEMPOTENCY_KEY_IN_USE', 'IDEMPOTENCY_KEY_REUSED'] as const

/** Undefined when none was sent. @throws Problem VALIDATION_FAILED */
export function idempotencyKeyOf (request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string') return undefined
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw problem('VALIDATION_FAILED', { errors: [{ path: '/headers/idempotency-key', message: 'must be 1 to 255 visible ASCII characters' }] })
}

/** The same for the same request; to be hashed, for it may hold anything. */
export function requestText (request: FastifyRequest): string {
  return JSON.stringify([request.params, request.query, request.body])
}

/** `answer` is null while the first request is still being answered. */
export interface TakenKey<Answer> { requestHash: Buffer, answer: Answer | null }

/**
 * The answer kept under a key that was taken; `taken` is undefined when it was freed meanwhile.
 * @throws Problem IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_KEY_IN_USE
 */
export function answerUnder<Answer> (taken: TakenKey<Answer> | undefined, requestHash: Buffer): Answer {
  if (taken === undefined) throw problem('IDEMPOTENCY_KEY_IN_USE')
  if (!taken.requestHash.equals(requestHash)) throw problem('IDEMPOTENCY_KEY_REUSED')
  if (taken.answer === null) throw problem('IDEMPOTENCY_KEY_IN_USE')
  return taken.answer
}

export function markReplayed (reply: FastifyReply): FastifyReply {
  return reply.header('idempotency-replayed', 'true')
}
