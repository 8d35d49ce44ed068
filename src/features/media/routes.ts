// /api/media: files to send, and those that members sent.
import multipart from '@fastify/multipart'
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { requestedBy } from '../../http/audit.js'
import { decodeCursor, encodeCursor, pageOf, toPage } from '../../http/pagination.js'
import { checkSessionBeforeUpload } from '../../http/session-check.js'
import { IdParams } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { deleteMedia } from './delete-media.js'
import { keepFile } from './keep-file.js'
import { findMedia, mediaBefore, type MediaRow } from './queries.js'
import { discardUpload, receiveUpload } from './receive-upload.js'
import { contentAnswers, Media, MediaQuery, UploadBody } from './schemas.js'
import { sendContent } from './send-content.js'
import { toWire } from './to-wire.js'

const tags = ['media']

export const mediaRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app
  await app.register(multipart)
  app.decorateRequest('upload', null)

  app.post('/media', {
    config: { errors: ['UPLOAD_MALFORMED', 'MEDIA_TYPE_REFUSED', 'MEDIA_TOO_LARGE', 'MEDIA_UNREADABLE', 'MEDIA_BUSY', 'STORAGE_UNAVAILABLE'] },
    schema: {
      operationId: 'uploadMedia',
      tags,
      summary: 'Upload a picture or a file to send',
      description: 'Pictures may have 25 MB and 50 million pixels: they are turned upright, made to fit into 600 KB, and lose where and when they were taken. ' +
        'Videos, sounds, vCards, calendar files and PDFs may have 1 MB and are kept as they are. The upload must arrive within 30 seconds. ' +
        'The same bytes again give the same file, with 200. Put its id into mediaIds of a message or a reply.',
      consumes: ['multipart/form-data'],
      body: UploadBody,
      response: { 200: Media, 201: Media }
    },
    preValidation: [checkSessionBeforeUpload(app), receiveUpload(services)],
    onSend: discardUpload
  }, async (request, reply) => {
    const { upload } = request
    if (upload === null) throw problem('UPLOAD_MALFORMED')
    const { incoming: { sha256, size }, sendable: content, name } = upload
    const { row, isNew } = await keepFile(services, request.db, request.tenant.id, { origin: 'upload', sha256, size, name, content, by: requestedBy(request) })
    return reply.code(isNew ? 201 : 200).send(toWire(row))
  })

  app.get('/media', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listMedia', tags, summary: 'List the files, the latest first', querystring: MediaQuery, response: { 200: pageOf(Media) } }
  }, async (request) => {
    const { origin, limit, cursor } = request.query
    const fields = fieldCrypto(services.keyring, request.actor.tenantId)
    const rows = await mediaBefore(request.db, { origin, before: decodeCursor(fields, 'media', cursor, 1)?.[0], limit: limit + 1 })
    return toPage(rows, limit, toWire, ({ id }) => encodeCursor(fields, 'media', [id]))
  })

  app.get('/media/:id', {
    config: { errors: ['MEDIA_NOT_FOUND'] },
    schema: { operationId: 'getMedia', tags, summary: 'Read what a file is', params: IdParams, response: { 200: Media } }
  }, async (request) => toWire(await getMedia(request.db, request.params.id)))

  app.get('/media/:id/content', {
    config: { errors: ['MEDIA_NOT_FOUND', 'MEDIA_GONE', 'RANGE_NOT_SATISFIABLE', 'STORAGE_UNAVAILABLE'] },
    schema: {
      operationId: 'getMediaContent',
      tags,
      summary: 'Read the bytes of a file',
      description: 'Takes Range, If-Range and If-None-Match. Its type is in Content-Type.',
      params: IdParams,
      response: contentAnswers
    }
  }, async (request, reply) => {
    const row = await getMedia(request.db, request.params.id)
    request.giveBackDatabase()
    reply.header('cache-control', 'private, no-cache')
    return await sendContent(services.storage, request.actor.tenantId, row, request, reply)
  })

  app.delete('/media/:id', {
    config: { errors: ['MEDIA_NOT_FOUND', 'MEDIA_IN_USE', 'STORAGE_UNAVAILABLE'] },
    schema: {
      operationId: 'deleteMedia',
      tags,
      summary: 'Delete a file',
      description: 'Refused while a message that has not left shows it. What was sent stays on the phones it reached.',
      params: IdParams,
      response: { 204: Type.Null() }
    }
  }, async (request, reply) => {
    await deleteMedia(services.storage, request.db, request.tenant.id, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}

async function getMedia (db: TenantDb, id: string): Promise<MediaRow> {
  const row = await findMedia(db, id)
  if (row === undefined) throw problem('MEDIA_NOT_FOUND')
  return row
}
