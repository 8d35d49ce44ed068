// /api/conversations, what several admins need who share it: notes, reactions, and changes to many at once.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { IdParams } from '../../http/wire.js'
import { changeInBulk } from './change-conversation.js'
import { setReaction } from './reactions.js'
import { BulkChange, BulkResult, ConversationMessage, MessageParams, NewReaction, Note } from './schemas.js'
import { messageToWire } from './to-wire.js'
import { writeNote } from './write-note.js'

const tags = ['conversations']

export const sharedConversationRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/conversations/bulk', {
    schema: {
      operationId: 'changeConversations',
      tags,
      summary: 'Close, assign or mark many conversations at once',
      description: 'Those named by ids, or up to 500 that fit a filter, the longest silent first.',
      body: BulkChange,
      response: { 200: BulkResult }
    },
    config: { errors: ['ADMIN_NOT_FOUND', 'CONVERSATION_NOT_FOUND'] }
  }, async (request) => await changeInBulk(app.services, request.db, request.actor.tenantId, request.actor.adminId, request.body))

  app.post('/conversations/:id/notes', {
    schema: {
      operationId: 'noteInConversation',
      tags,
      summary: 'Write a note among the texts',
      description: 'For admins alone: nobody is sent it. It is listed with the texts, with kind `note`.',
      params: IdParams,
      body: Note,
      response: { 201: ConversationMessage }
    },
    config: { errors: ['CONVERSATION_NOT_FOUND'] }
  }, async (request, reply) => {
    const { tenantId, adminId } = request.actor
    reply.code(201)
    return messageToWire(await writeNote(app.services, request.db, { tenantId, conversationId: request.params.id, text: request.body.text, adminId }))
  })

  for (const [method, operationId, summary, wanted] of [['POST', 'addReaction', 'React to a message', true], ['DELETE', 'removeReaction', 'Take your reaction back', false]] as const) {
    app.route({
      method,
      url: '/conversations/:id/messages/:messageId/reactions',
      schema: {
        operationId,
        tags,
        summary,
        description: 'For admins alone: the person is sent nothing. Doing it twice changes nothing.',
        params: MessageParams,
        body: NewReaction,
        response: { 200: ConversationMessage }
      },
      config: { errors: ['CONVERSATION_NOT_FOUND', 'CONVERSATION_MESSAGE_NOT_FOUND'] },
      handler: async (request) => {
        const { params: { id: conversationId, messageId }, actor: { tenantId, adminId }, body: { reaction } } = request
        return messageToWire(await setReaction(app.services, request.db, { tenantId, conversationId, messageId, adminId, reaction }, wanted))
      }
    })
  }
}
