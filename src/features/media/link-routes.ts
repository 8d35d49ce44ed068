// GET /media/:token: what a carrier fetches. The signature in the address is all the leave it needs.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { openMediaLink } from './media-link.js'
import { findMedia } from './queries.js'
import { contentAnswers } from './schemas.js'
import { sendContent } from './send-content.js'

export const mediaLinkRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app
  app.get('/media/:token', {
    config: {
      errors: [
        'MEDIA_LINK_INVALID', 'MEDIA_GONE', 'RANGE_NOT_SATISFIABLE', 'STORAGE_UNAVAILABLE',
        'TENANT_NOT_FOUND', 'TENANT_SUSPENDED', 'TENANT_ARCHIVED', 'TENANT_MOVING', 'TENANT_BEHIND', 'DATABASE_BUSY', 'DATABASE_UNAVAILABLE'
      ]
    },
    schema: {
      operationId: 'getMediaByLink',
      tags: ['media'],
      summary: 'Read the bytes of a file that a text shows',
      description: 'For the carrier: the address is signed, made when the text leaves, and good until the end of the next day, UTC.',
      params: Type.Object({ token: Type.String({ maxLength: 200 }) }),
      response: contentAnswers
    }
  }, async (request, reply) => {
    const address = openMediaLink(services.keyring, request.params.token, services.clock.now())
    if (address === undefined) throw problem('MEDIA_LINK_INVALID')
    const row = await services.tenancy.withTenant(address.tenantId, async (db) => await findMedia(db, address.mediaId))
    if (row === undefined) throw problem('MEDIA_LINK_INVALID')
    reply.headers({ 'cache-control': 'public, max-age=3600', 'cross-origin-resource-policy': 'cross-origin' })
    return await sendContent(services.storage, address.tenantId, row, request, reply)
  })
}
