// /api/messages
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { announceEvents } from '../events/record-event.js'
import { type AskedAt } from '../segments/use-segments.js'
import { previewMessage } from './preview-message.js'
import { MessagePreview } from './preview-schema.js'
import { getMessage, listMessages, listRecipients } from './read-messages.js'
import { retryFailed } from './retry-failed.js'
import { Message, MessageQuery, MessageWithAudience, NewMessage, Recipient, RecipientQuery, RetryBody } from './schemas.js'
import { sendMessage } from './send-message.js'
import { cancelMessage, pauseMessage, resumeMessage } from './steer-message.js'

const tags = ['messages']

export const messageRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const fieldsOf = (request: FastifyRequest) => fieldCrypto(app.services.keyring, request.actor.tenantId)
  const askedAt = (request: FastifyRequest): AskedAt => ({ now: app.services.clock.now(), timeZone: request.tenant.timeZone })

  app.post('/messages', {
    config: {
      errors: [
        'AUDIENCE_EMPTY', 'BRANCH_NOT_FOUND', 'MEDIA_NOT_FOUND', 'MEDIA_NOT_SENDABLE', 'MEDIA_TOO_LARGE_TOGETHER', 'MEMBER_NOT_FOUND', 'NO_SENDING_NUMBER',
        'SEGMENT_NOT_FOUND', 'TAG_NOT_FOUND', 'TEMPLATE_NOT_FOUND', 'TEXT_TOO_LONG', 'TOPIC_NOT_FOUND'
      ]
    },
    schema: {
      operationId: 'sendMessage',
      tags,
      summary: 'Text many members',
      description: 'Queues it; counts tell how far it has come. Send an Idempotency-Key: then asking again queues nothing twice.',
      body: NewMessage,
      response: { 202: MessageWithAudience }
    }
  }, async (request, reply) => {
    const id = await sendMessage(app.services, request.db, request.tenant, request.body, requestedBy(request))
    reply.code(202)
    return await getMessage(request.db, id, askedAt(request))
  })

  app.post('/messages/preview', {
    config: { errors: ['BRANCH_NOT_FOUND', 'MEMBER_NOT_FOUND', 'SEGMENT_NOT_FOUND', 'TAG_NOT_FOUND', 'TEMPLATE_NOT_FOUND', 'TEXT_TOO_LONG', 'TOPIC_NOT_FOUND'] },
    schema: {
      operationId: 'previewMessage',
      tags,
      summary: 'See what a message would say, to whom, and what it would cost',
      description: 'Takes what sendMessage takes, for its real audience as of now, and writes nothing.',
      body: NewMessage,
      response: { 200: MessagePreview }
    }
  }, async (request) => await previewMessage(app.services, request.db, request.tenant, request.body))

  app.get('/messages', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listMessages', tags, summary: 'List the messages, the latest first', querystring: MessageQuery, response: { 200: pageOf(Message) } }
  }, async (request) => await listMessages(request.db, fieldsOf(request), request.query))

  app.get('/messages/:id', {
    config: { errors: ['MESSAGE_NOT_FOUND'] },
    schema: { operationId: 'getMessage', tags, summary: 'Read a message and how far it has come', params: IdParams, response: { 200: MessageWithAudience } }
  }, async (request) => await getMessage(request.db, request.params.id, askedAt(request)))

  const steering = (operationId: string, summary: string, description: string) => ({
    config: { errors: ['MESSAGE_NOT_FOUND', 'MESSAGE_NOT_BROADCAST', 'MESSAGE_STATE_CONFLICT'] as const },
    schema: { operationId, tags, summary, description, params: IdParams, response: { 200: MessageWithAudience } }
  })

  app.post('/messages/:id/pause', steering('pauseMessage', 'Pause a broadcast',
    'Nothing more of it leaves, but for what a worker had taken: that is counted as sending until its result is known. Pausing twice is pausing once.'
  ), async (request) => {
    await pauseMessage(request.db, request.params.id, requestedBy(request))
    announceEvents(app.services, request.actor.tenantId)
    return await getMessage(request.db, request.params.id, askedAt(request))
  })

  app.post('/messages/:id/resume', steering('resumeMessage', 'Let a paused broadcast go on',
    'Where it was; one whose time has come meanwhile begins now.'
  ), async (request) => {
    const { db, actor, params: { id } } = request
    await resumeMessage(app.services, db, actor.tenantId, id, requestedBy(request))
    return await getMessage(db, id, askedAt(request))
  })

  app.post('/messages/:id/cancel', steering('cancelMessage', 'Cancel a broadcast for good',
    'Scheduled, under way or paused. counts.cancelled did not get it and never will; counts.sending had been taken by a worker and goes out.'
  ), async (request) => {
    await cancelMessage(request.db, request.params.id, requestedBy(request))
    announceEvents(app.services, request.actor.tenantId)
    return await getMessage(request.db, request.params.id, askedAt(request))
  })

  app.post('/messages/:id/retry-failed', {
    config: { errors: ['MESSAGE_NOT_FOUND', 'MESSAGE_NOT_BROADCAST', 'NOTHING_TO_RETRY', 'NO_SENDING_NUMBER', 'MEDIA_NOT_FOUND'] },
    schema: {
      operationId: 'retryFailed',
      tags,
      summary: 'Text those again for whom a broadcast failed',
      description: 'Makes a new message with these recipients and answers it. Each is tried again once; nobody who has opted out, of all or of its topic, and nobody who may have got the text (unknown, sent, delivered).',
      params: IdParams,
      body: RetryBody,
      response: { 202: MessageWithAudience }
    }
  }, async (request, reply) => {
    const id = await retryFailed(app.services, request.db, request.tenant, request.params.id, request.body ?? {}, requestedBy(request))
    reply.code(202)
    return await getMessage(request.db, id, askedAt(request))
  })

  app.get('/messages/:id/recipients', {
    config: { errors: ['MESSAGE_NOT_FOUND', 'CURSOR_INVALID'] },
    schema: {
      operationId: 'listRecipients',
      tags,
      summary: 'List who gets a message, and what became of each text',
      params: Type.Object(IdParams.properties),
      querystring: RecipientQuery,
      response: { 200: pageOf(Recipient) }
    }
  }, async (request) => await listRecipients(request.db, fieldsOf(request), request.params.id, request.query))
}
