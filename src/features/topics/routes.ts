// /api/topics
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { topicsAfter } from './queries.js'
import { Topic } from './schemas.js'

export const topicRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/topics', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: {
      operationId: 'listTopics',
      tags: ['topics'],
      summary: 'List the topics, by name',
      description: 'What consent has been put on record for, with POST /api/members/:id/consent, and what a message can name as its topic.',
      querystring: Type.Object(pageQuery),
      response: { 200: pageOf(Topic) }
    }
  }, async (request) => {
    const { limit, cursor } = request.query
    const fields = fieldCrypto(app.services.keyring, request.actor.tenantId)
    const rows = await topicsAfter(request.db, decodeCursor(fields, 'topics', cursor, 1)?.[0], limit + 1)
    return toPage(rows, limit, ({ name, createdAt }) => ({ name, createdAt: toTimestamp(createdAt) }), ({ name }) => encodeCursor(fields, 'topics', [name]))
  })
}
