// /api/members/export
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requestedBy } from '../../../http/audit.js'
import { requireRole } from '../../../http/require-role.js'
import { csvAnswer } from '../imports/schemas.js'
import { MemberQuery } from '../schemas.js'
import { beginExport, streamMembers } from './export-members.js'

const ExportQuery = Type.Omit(MemberQuery, ['limit', 'cursor'])

export const memberExportRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/members/export', {
    config: { errors: ['ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'exportMembers',
      tags: ['members'],
      summary: 'Download the members as CSV',
      description: 'All of them, or those the filters of GET /api/members leave, by last name. UTF-8 with a byte order mark; importing it changes nothing. Fields of your own are columns named custom.<field>, at most 150: the rarest beyond are left out. ' +
        'A cell that a spreadsheet would take for a formula (=, +, -, @ at its beginning) begins with an apostrophe, which an import takes away; a phone number stays +16155550123. ' +
        'Written to the audit log.',
      querystring: ExportQuery,
      response: { 200: csvAnswer('The members.', 'phone,firstName,lastName,email,birthday,timeZone,branches,tags,optInState\r\n+16155550123,Ada,Okafor,ada@example.org,1990-04-23,,North Campus,choir; ushers,opted_in\r\n') }
    },
    preHandler: requireRole('primary', 'co_admin')
  }, async (request, reply) => {
    const begun = await beginExport(request.db, request.tenant, request.query, requestedBy(request))
    request.giveBackDatabase()
    reply.headers({ 'content-type': 'text/csv; charset=utf-8', 'content-disposition': 'attachment; filename="members.csv"', 'cache-control': 'private, no-store' })
    return reply.send(streamMembers(app.services, request.tenant.id, begun))
  })
}
