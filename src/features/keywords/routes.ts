// /api/keywords
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from '../../http/pagination.js'
import { requireRole } from '../../http/require-role.js'
import { IdParams, toTimestamp } from '../../http/wire.js'
import { changeKeyword, createKeyword, deleteKeyword } from './change-keywords.js'
import { keywordsAfter, type KeywordRow } from './queries.js'
import { Keyword, KeywordChanges, NewKeyword } from './schemas.js'

const tags = ['keywords']
const preHandler = requireRole('primary', 'co_admin')

export const keywordRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/keywords', {
    preHandler,
    config: { errors: ['KEYWORD_RESERVED', 'KEYWORD_TAKEN', 'ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'createKeyword',
      tags,
      summary: 'Add a keyword',
      description: 'A text that is the word and nothing more, in any case and with any punctuation around it, does what the keyword says. Each sender gets at most five automatic answers an hour; who has opted out gets none. A number that no member has is answered and not tagged.',
      body: NewKeyword,
      response: { 201: Keyword }
    }
  }, async (request, reply) => {
    const created = await createKeyword(request.db, request.body, requestedBy(request))
    return reply.code(201).send(toWire(created))
  })

  app.get('/keywords', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listKeywords', tags, summary: 'List the keywords, by word', querystring: Type.Object(pageQuery), response: { 200: pageOf(Keyword) } }
  }, async (request) => {
    const { limit, cursor } = request.query
    const fields = fieldCrypto(app.services.keyring, request.actor.tenantId)
    const rows = await keywordsAfter(request.db, decodeCursor(fields, 'keywords', cursor, 1)?.[0], limit + 1)
    return toPage(rows, limit, toWire, (last) => encodeCursor(fields, 'keywords', [last.word]))
  })

  app.patch('/keywords/:id', {
    preHandler,
    config: { errors: ['KEYWORD_NOT_FOUND', 'KEYWORD_RESERVED', 'KEYWORD_TAKEN', 'ROLE_INSUFFICIENT'] },
    schema: { operationId: 'changeKeyword', tags, summary: 'Change a keyword', description: 'With another action than add_tag the tag is dropped.', params: IdParams, body: KeywordChanges, response: { 200: Keyword } }
  }, async (request) => toWire(await changeKeyword(request.db, request.params.id, request.body, requestedBy(request))))

  app.delete('/keywords/:id', {
    preHandler,
    config: { errors: ['KEYWORD_NOT_FOUND', 'ROLE_INSUFFICIENT'] },
    schema: { operationId: 'deleteKeyword', tags, summary: 'Delete a keyword', description: 'What it did stays done.', params: IdParams, response: { 204: Type.Null() } }
  }, async (request, reply) => {
    await deleteKeyword(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}

function toWire ({ id, word, action, replyText, tag, createdAt, updatedAt }: KeywordRow): Keyword {
  return { id, word, action, replyText, tag, createdAt: toTimestamp(createdAt), updatedAt: toTimestamp(updatedAt) }
}
