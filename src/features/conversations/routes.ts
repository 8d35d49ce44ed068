// /api/conversations: the inbox.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { pageOf, pageQuery } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { searchedCountry } from '../settings/phone-country.js'
import { changeConversation } from './change-conversation.js'
import { getConversation, listConversations, listMessages } from './list-conversations.js'
import { Conversation, ConversationChanges, ConversationMessage, ConversationQuery, Reply } from './schemas.js'
import { sendReply } from './send-reply.js'
import { conversationToWire, messageToWire } from './to-wire.js'

const tags = ['conversations']

export const conversationRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const fieldsOf = (request: FastifyRequest) => fieldCrypto(app.services.keyring, request.actor.tenantId)

  app.get('/conversations', {
    schema: {
      operationId: 'listConversations',
      tags,
      summary: 'List the conversations, the one with the newest text first',
      querystring: ConversationQuery,
      response: { 200: pageOf(Conversation) }
    },
    config: { errors: ['CURSOR_INVALID'] }
  }, async (request) => listConversations(request.db, fieldsOf(request), request.query, {
    adminId: request.actor.adminId, now: app.services.clock.now(), country: await searchedCountry(request)
  }))

  app.get('/conversations/:id', {
    schema: { operationId: 'getConversation', tags, summary: 'Read a conversation', params: IdParams, response: { 200: Conversation } },
    config: { errors: ['CONVERSATION_NOT_FOUND'] }
  }, async (request) => conversationToWire(await getConversation(request.db, request.params.id), fieldsOf(request)))

  app.patch('/conversations/:id', {
    schema: {
      operationId: 'changeConversation',
      tags,
      summary: 'Close or open a conversation, assign it, put it off, mark it read or as seen to',
      params: IdParams,
      body: ConversationChanges,
      response: { 200: Conversation }
    },
    config: { errors: ['ADMIN_NOT_FOUND', 'CONVERSATION_NOT_FOUND', 'CONVERSATION_NOT_OPEN', 'CONVERSATION_SUPERSEDED'] }
  }, async (request) => conversationToWire(await changeConversation(app.services, request.db, request.actor.tenantId, request.params.id, request.body), fieldsOf(request)))

  app.post('/conversations/:id/read', {
    schema: { operationId: 'readConversation', tags, summary: 'Mark a conversation read', params: IdParams, response: { 200: Conversation } },
    config: { errors: ['CONVERSATION_NOT_FOUND'] }
  }, async (request) => conversationToWire(await changeConversation(app.services, request.db, request.actor.tenantId, request.params.id, { unread: false }), fieldsOf(request)))

  app.get('/conversations/:id/messages', {
    schema: {
      operationId: 'listConversationMessages',
      tags,
      summary: 'List the texts of a conversation, the newest first',
      params: IdParams,
      querystring: Type.Object(pageQuery),
      response: { 200: pageOf(ConversationMessage) }
    },
    config: { errors: ['CONVERSATION_NOT_FOUND', 'CURSOR_INVALID'] }
  }, async (request) => listMessages(request.db, fieldsOf(request), request.params.id, request.query))

  app.post('/conversations/:id/messages', {
    schema: {
      operationId: 'replyToConversation',
      tags,
      summary: 'Reply to this one person',
      description: 'Leaves from the number they texted, before any broadcast that waits. Opens a closed conversation again.',
      params: IdParams,
      body: Reply,
      response: { 201: ConversationMessage }
    },
    config: { errors: ['CONVERSATION_NOT_FOUND', 'CONVERSATION_SUPERSEDED', 'MEDIA_NOT_FOUND', 'MEDIA_NOT_SENDABLE', 'MEDIA_TOO_LARGE_TOGETHER', 'MEMBER_OPTED_OUT', 'NO_SENDING_NUMBER', 'TEXT_TOO_LONG'] }
  }, async (request, reply) => {
    const { text = '', mediaUrls = [], mediaIds = [] } = request.body
    const { tenantId, adminId } = request.actor
    reply.code(201)
    return messageToWire(await sendReply(app.services, request.db, fieldsOf(request), { tenantId, conversationId: request.params.id, text, mediaUrls, mediaIds, adminId }))
  })
}
