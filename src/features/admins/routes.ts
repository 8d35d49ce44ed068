// /api/admins
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from '../../http/pagination.js'
import { type AdminRow, adminsAfter } from './queries.js'
import { Colleague } from './schemas.js'

export const adminRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/admins', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: {
      operationId: 'listAdmins',
      tags: ['admins'],
      summary: 'List the admins of the organization, by last name',
      description: 'Every admin may read it: their ids are what conversations are assigned to.',
      querystring: Type.Object(pageQuery),
      response: { 200: pageOf(Colleague) }
    }
  }, async (request) => {
    const { limit, cursor } = request.query
    const fields = fieldCrypto(app.services.keyring, request.actor.tenantId)
    const rows = await adminsAfter(request.db, decodeCursor(fields, 'admins', cursor, 3), limit + 1)
    return toPage(rows, limit, toWire, (last) => encodeCursor(fields, 'admins', [last.sortLastName, last.sortFirstName, last.id]))
  })
}

function toWire ({ id, email, firstName, lastName, role, status }: AdminRow): Colleague {
  return { id, email, firstName, lastName, role, status }
}
