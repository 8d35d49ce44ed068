// /api/tags
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from '../../http/pagination.js'
import { IdParams, toTimestamp } from '../../http/wire.js'
import { changeTag, createTag, deleteTag } from './change-tags.js'
import { type TagRow, tagsAfter } from './queries.js'
import { Tag, TagFields } from './schemas.js'

const tags = ['tags']

export const tagRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/tags', {
    config: { errors: ['TAG_NAME_TAKEN'] },
    schema: { operationId: 'createTag', tags, summary: 'Add a tag', description: 'Not needed before use: tagging a member makes the tag.', body: TagFields, response: { 201: Tag } }
  }, async (request, reply) => {
    const created = await createTag(request.db, request.body.name, requestedBy(request))
    return reply.code(201).send(toWire(created))
  })

  app.get('/tags', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listTags', tags, summary: 'List the tags, by name, with how many members have each', querystring: Type.Object(pageQuery), response: { 200: pageOf(Tag) } }
  }, async (request) => {
    const { limit, cursor } = request.query
    const fields = fieldCrypto(app.services.keyring, request.actor.tenantId)
    const rows = await tagsAfter(request.db, decodeCursor(fields, 'tags', cursor, 1)?.[0], limit + 1)
    return toPage(rows, limit, toWire, (last) => encodeCursor(fields, 'tags', [last.sort_name]))
  })

  app.patch('/tags/:id', {
    config: { errors: ['TAG_NOT_FOUND', 'TAG_NAME_TAKEN'] },
    schema: { operationId: 'renameTag', tags, summary: 'Rename a tag', params: IdParams, body: TagFields, response: { 200: Tag } }
  }, async (request) => toWire(await changeTag(request.db, request.params.id, request.body.name, requestedBy(request))))

  app.delete('/tags/:id', {
    config: { errors: ['TAG_NOT_FOUND', 'TAG_IN_USE'] },
    schema: { operationId: 'deleteTag', tags, summary: 'Delete a tag', description: 'Its members stay and only lose the tag.', params: IdParams, response: { 204: Type.Null() } }
  }, async (request, reply) => {
    await deleteTag(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}

function toWire (row: TagRow): Tag {
  return { id: row.id, name: row.name, memberCount: row.member_count, createdAt: toTimestamp(row.created_at) }
}
