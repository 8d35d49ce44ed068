// /api/members/imports: how far imports are, and what became of each row.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { fieldCrypto } from '../../../crypto/fields.js'
import { pageOf } from '../../../http/pagination.js'
import { IdParams } from '../../../http/wire.js'
import { getImport, listImports, toWire } from './read-imports.js'
import { streamReport } from './report.js'
import { csvAnswer, Import, ImportQuery } from './schemas.js'

const tags = ['members']
const report = 'A line for each row done so far: its number as a spreadsheet shows it (the header is 1), created, updated, unchanged, duplicate or invalid, codes that say why, and the member. ' +
  'Invalid: phone_missing, phone_country_missing (written without a country code, and defaultCountry is not known), phone_invalid, name_too_long, email_invalid, birthday_invalid, time_zone_unknown, tag_unknown, tag_too_long, branch_unknown, branch_too_long, custom_too_long, more_cells_than_columns. ' +
  'Else: same_phone_as_row_<n>, member_exists (left alone), opted_out, opted_out_stays, opt_in_without_evidence.'

export const importReadingRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/members/imports', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listImports', tags, summary: 'List the imports of members, the latest first', querystring: ImportQuery, response: { 200: pageOf(Import) } }
  }, async (request) => listImports(request.db, fieldCrypto(app.services.keyring, request.actor.tenantId), request.query))

  app.get('/members/imports/:id', {
    config: { errors: ['IMPORT_NOT_FOUND'] },
    schema: { operationId: 'getImport', tags, summary: 'Read how far an import is', params: IdParams, response: { 200: Import } }
  }, async (request) => toWire(await getImport(request.db, request.params.id)))

  app.get('/members/imports/:id/report', {
    config: { errors: ['IMPORT_NOT_FOUND'] },
    schema: {
      operationId: 'getImportReport',
      tags,
      summary: 'Download what became of each row',
      description: report,
      params: IdParams,
      response: { 200: csvAnswer('The report.', 'row,outcome,reason,memberId\r\n2,invalid,phone_missing,\r\n') }
    }
  }, async (request, reply) => {
    const { id } = await getImport(request.db, request.params.id)
    request.giveBackDatabase()
    reply.headers({ 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="import-${id}.csv"`, 'cache-control': 'private, no-store' })
    return reply.send(streamReport(app.services, request.tenant.id, id))
  })
}
