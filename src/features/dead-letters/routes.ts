// /api/dead-letters
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyRequest } from 'fastify'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { getDeadLetter, listDeadLetters } from './read-dead-letters.js'
import { DeadLetter, DeadLetterDetail, DeadLetterQuery, Decision } from './schemas.js'
import { resendDeadLetter, resolveDeadLetter } from './settle-dead-letter.js'

const tags = ['dead letters']

export const deadLetterRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const fieldsOf = (request: FastifyRequest) => fieldCrypto(app.services.keyring, request.actor.tenantId)

  app.get('/dead-letters', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listDeadLetters', tags, summary: 'List what needs a person, the latest first', querystring: DeadLetterQuery, response: { 200: pageOf(DeadLetter) } }
  }, async (request) => await listDeadLetters(request.db, fieldsOf(request), request.query))

  app.get('/dead-letters/:id', {
    config: { errors: ['DEAD_LETTER_NOT_FOUND'] },
    schema: { operationId: 'getDeadLetter', tags, summary: 'Read one, with the event it came from', params: IdParams, response: { 200: DeadLetterDetail } }
  }, async (request) => await getDeadLetter(request.db, fieldsOf(request), request.params.id))

  app.post('/dead-letters/:id/resolve', {
    config: { errors: ['DEAD_LETTER_NOT_FOUND', 'DEAD_LETTER_CLOSED', 'DEAD_LETTER_NOT_A_TEXT'] },
    schema: { operationId: 'resolveDeadLetter', tags, summary: 'Say how it ended', params: IdParams, body: Decision, response: { 200: DeadLetterDetail } }
  }, async (request) => {
    await resolveDeadLetter(request.db, request.params.id, request.body, requestedBy(request))
    return await getDeadLetter(request.db, fieldsOf(request), request.params.id)
  })

  app.post('/dead-letters/:id/resend', {
    config: { errors: ['DEAD_LETTER_NOT_FOUND', 'DEAD_LETTER_CLOSED', 'DEAD_LETTER_NOT_A_TEXT', 'MEDIA_NOT_FOUND', 'MEMBER_OPTED_OUT', 'NO_SENDING_NUMBER'] },
    schema: {
      operationId: 'resendDeadLetter',
      tags,
      summary: 'Send the text once more',
      description: 'Your decision: the first may have arrived, so the person may get it twice. Once only, not to somebody who has opted out, of all or of its topic, and what was a broadcast or a welcome in their daytime.',
      params: IdParams,
      response: { 202: DeadLetterDetail }
    }
  }, async (request, reply) => {
    await resendDeadLetter(app.services, request.db, request.tenant, request.params.id, requestedBy(request))
    reply.code(202)
    return await getDeadLetter(request.db, fieldsOf(request), request.params.id)
  })
}
