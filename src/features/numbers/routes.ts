// /api/numbers
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { requestedBy } from '../../http/audit.js'
import { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from '../../http/pagination.js'
import { requireRole } from '../../http/require-role.js'
import { IdParams, toTimestamp } from '../../http/wire.js'
import { buyNumber } from './buy-number.js'
import { findAvailable } from './find-available.js'
import { findNumber, type NumberRow, numbersAfter } from './queries.js'
import { AvailableNumbers, AvailableQuery, NumberWanted, OwnNumber } from './schemas.js'

const tags = ['numbers']

export const numberRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/numbers/available', {
    config: { errors: ['AREA_CODE_INVALID', 'CARRIER_UNAVAILABLE', 'CARRIER_REFUSED'] },
    schema: { operationId: 'listAvailableNumbers', tags, summary: 'Find numbers to buy', querystring: AvailableQuery, response: { 200: AvailableNumbers } }
  }, async (request) => {
    // A carrier that takes its time must not take the connections of those who only want their own data.
    request.giveBackDatabase()
    return { items: await findAvailable(app.services, request.query.areaCode, request.query.limit), nextCursor: null }
  })

  app.post('/numbers', {
    preHandler: requireRole('primary', 'co_admin'),
    config: { errors: ['PHONE_INVALID', 'NUMBER_TAKEN', 'ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'buyNumber',
      tags,
      summary: 'Buy a number',
      description: 'Answers at once with the number pending; read it again to see it become active, or failed with the reason. Asking twice buys once.',
      body: NumberWanted,
      response: { 202: OwnNumber }
    }
  }, async (request, reply) => {
    const bought = await buyNumber(app.services, request.db, request.tenant.id, request.body.phoneNumber, requestedBy(request))
    return reply.code(202).send(toWire(bought))
  })

  app.get('/numbers', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listNumbers', tags, summary: 'List your numbers, the oldest first', querystring: Type.Object(pageQuery), response: { 200: pageOf(OwnNumber) } }
  }, async (request) => {
    const { limit, cursor } = request.query
    const fields = fieldCrypto(app.services.keyring, request.actor.tenantId)
    const rows = await numbersAfter(request.db, decodeCursor(fields, 'numbers', cursor, 1)?.[0], limit + 1)
    return toPage(rows, limit, toWire, (last) => encodeCursor(fields, 'numbers', [last.id]))
  })

  app.get('/numbers/:id', {
    config: { errors: ['NUMBER_NOT_FOUND'] },
    schema: { operationId: 'getNumber', tags, summary: 'Read one of your numbers', params: IdParams, response: { 200: OwnNumber } }
  }, async (request) => {
    const row = await findNumber(request.db, request.params.id)
    if (row === undefined) throw problem('NUMBER_NOT_FOUND')
    return toWire(row)
  })
}

function toWire (row: NumberRow): OwnNumber {
  return {
    id: row.id,
    phoneNumber: row.number,
    status: row.status,
    statusDetail: row.status_detail,
    capabilities: row.capabilities,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at)
  }
}
