// /api/segments
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf, pageQuery } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { Member } from '../members/schemas.js'
import { changeSegment, createSegment, deleteSegment } from './change-segments.js'
import { type AskedAt } from './compile-filter.js'
import { getSegment, listSegmentMembers, listSegments, previewSegment } from './read-segments.js'
import { NewSegment, Segment, SegmentChanges, SegmentPreview, SegmentTrial, SegmentWithSize } from './schemas.js'

const tags = ['segments']

export const segmentRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const fieldsOf = (request: FastifyRequest) => fieldCrypto(app.services.keyring, request.actor.tenantId)
  const askedAt = (request: FastifyRequest): AskedAt => ({ now: app.services.clock.now(), timeZone: request.tenant.timeZone })

  app.post('/segments', {
    config: { errors: ['SEGMENT_NAME_TAKEN', 'BRANCH_NOT_FOUND', 'TAG_NOT_FOUND'] },
    schema: { operationId: 'createSegment', tags, summary: 'Save a segment', description: 'A filter on members, asked anew each time it is used.', body: NewSegment, response: { 201: SegmentWithSize } }
  }, async (request, reply) => {
    const id = await createSegment(request.db, request.body, requestedBy(request))
    reply.code(201)
    return await getSegment(request.db, id, askedAt(request))
  })

  app.post('/segments/preview', {
    config: { errors: ['BRANCH_NOT_FOUND', 'TAG_NOT_FOUND'] },
    schema: { operationId: 'previewSegment', tags, summary: 'See whom a filter fits before saving it', description: 'Saves nothing.', body: SegmentTrial, response: { 200: SegmentPreview } }
  }, async (request) => await previewSegment(request.db, fieldsOf(request), request.body.filter, askedAt(request)))

  app.get('/segments', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listSegments', tags, summary: 'List the segments, by name', querystring: Type.Object(pageQuery), response: { 200: pageOf(Segment) } }
  }, async (request) => await listSegments(request.db, fieldsOf(request), request.query))

  app.get('/segments/:id', {
    config: { errors: ['SEGMENT_NOT_FOUND'] },
    schema: { operationId: 'getSegment', tags, summary: 'Read a segment and how many fit it now', params: IdParams, response: { 200: SegmentWithSize } }
  }, async (request) => await getSegment(request.db, request.params.id, askedAt(request)))

  app.get('/segments/:id/members', {
    config: { errors: ['SEGMENT_NOT_FOUND', 'CURSOR_INVALID'] },
    schema: {
      operationId: 'listSegmentMembers',
      tags,
      summary: 'List the members that fit a segment now, by last name',
      params: Type.Object(IdParams.properties),
      querystring: Type.Object(pageQuery),
      response: { 200: pageOf(Member) }
    }
  }, async (request) => await listSegmentMembers(request.db, fieldsOf(request), request.params.id, askedAt(request), request.query))

  app.patch('/segments/:id', {
    config: { errors: ['SEGMENT_NOT_FOUND', 'SEGMENT_NAME_TAKEN', 'BRANCH_NOT_FOUND', 'TAG_NOT_FOUND'] },
    schema: {
      operationId: 'changeSegment',
      tags,
      summary: 'Change a segment',
      description: 'A scheduled message to it goes to whoever fits when it leaves.',
      params: IdParams,
      body: SegmentChanges,
      response: { 200: SegmentWithSize }
    }
  }, async (request) => {
    await changeSegment(request.db, request.params.id, request.body, requestedBy(request))
    return await getSegment(request.db, request.params.id, askedAt(request))
  })

  app.delete('/segments/:id', {
    config: { errors: ['SEGMENT_NOT_FOUND', 'SEGMENT_IN_USE'] },
    schema: { operationId: 'deleteSegment', tags, summary: 'Delete a segment', description: 'Its members stay.', params: IdParams, response: { 204: Type.Null() } }
  }, async (request, reply) => {
    await deleteSegment(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}
