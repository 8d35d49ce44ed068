// /api/members/imports: members from a CSV file.
import multipart from '@fastify/multipart'
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { fieldCrypto } from '../../../crypto/fields.js'
import { problem } from '../../../errors.js'
import { requestedBy } from '../../../http/audit.js'
import { pageOf } from '../../../http/pagination.js'
import { requireRole } from '../../../http/require-role.js'
import { IdParams } from '../../../http/wire.js'
import { announceEvents } from '../../events/record-event.js'
import { fileKey } from './plan-import.js'
import { cancelImport, getImport, listImports, toWire } from './read-imports.js'
import { discardCsv, receiveCsv } from './receive-csv.js'
import { streamReport } from './report.js'
import { csvAnswer, Import, ImportBody, ImportQuery } from './schemas.js'
import { startImport } from './start-import.js'

const tags = ['members']
const admins = requireRole('primary', 'co_admin')

export const memberImportRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app
  await app.register(multipart)
  app.decorateRequest('importUpload', null)

  app.post('/members/imports', {
    config: { errors: ['IMPORT_UPLOAD_MALFORMED', 'CSV_NOT_TEXT', 'CSV_ENCODING', 'CSV_EMPTY', 'CSV_HEADER_MISSING', 'CSV_PHONE_COLUMN_MISSING', 'CSV_MALFORMED', 'CSV_TOO_LARGE', 'IMPORT_UNFINISHED', 'STORAGE_UNAVAILABLE', 'ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'importMembers',
      tags,
      summary: 'Import members from a CSV file',
      description: 'curl -F file=@members.csv -F \'options={"dryRun": true}\' …: the file is checked from end to end before anything is imported, then imported in the background, one import at a time. ' +
        'Commas, semicolons, tabs and bars separate; UTF-8, UTF-16 with its mark and Windows-1252 are read. A row is imported whole or not at all. ' +
        'Phone numbers may have any spelling and are what tells people apart. Several tags or branches in one cell are separated by semicolons. ' +
        'Nobody is imported as opted in without optInSource, and nobody who has opted out ever; optIn cells that say so (opted_out, unsubscribed, stop) opt out. ' +
        'The file is deleted when the import has ended.',
      consumes: ['multipart/form-data'],
      body: ImportBody,
      response: { 202: Import }
    },
    preValidation: receiveCsv(services),
    preHandler: admins,
    onSend: discardCsv
  }, async (request, reply) => {
    const { importUpload: upload, body } = request
    if (upload === null) throw problem('IMPORT_UPLOAD_MALFORMED')
    return reply.code(202).send(toWire(await startImport(services, request.db, request.tenant, upload, body.options ?? {}, requestedBy(request))))
  })

  app.get('/members/imports', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listImports', tags, summary: 'List the imports of members, the latest first', querystring: ImportQuery, response: { 200: pageOf(Import) } }
  }, async (request) => listImports(request.db, fieldCrypto(services.keyring, request.actor.tenantId), request.query))

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
      description: 'A line for each row done so far: its number as a spreadsheet shows it (the header is 1), created, updated, unchanged, duplicate or invalid, codes that say why, and the member. ' +
        'Invalid: phone_missing, phone_country_missing (written without a country code, and defaultCountry is not known), phone_invalid, name_too_long, email_invalid, birthday_invalid, time_zone_unknown, tag_unknown, tag_too_long, branch_unknown, branch_too_long, custom_too_long, more_cells_than_columns. ' +
        'Else: same_phone_as_row_<n>, member_exists (left alone), opted_out, opted_out_stays, opt_in_without_evidence.',
      params: IdParams,
      response: { 200: csvAnswer('The report.', 'row,outcome,reason,memberId\r\n2,invalid,phone_missing,\r\n') }
    }
  }, async (request, reply) => {
    const { id } = await getImport(request.db, request.params.id)
    request.giveBackDatabase()
    reply.headers({ 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="import-${id}.csv"`, 'cache-control': 'private, no-store' })
    return reply.send(streamReport(services, request.tenant.id, id))
  })

  app.post('/members/imports/:id/cancel', {
    config: { errors: ['IMPORT_NOT_FOUND', 'IMPORT_FINISHED', 'STORAGE_UNAVAILABLE', 'ROLE_INSUFFICIENT'] },
    schema: { operationId: 'cancelImport', tags, summary: 'Cancel an import', description: 'What is imported already stays, and is in the report.', params: IdParams, response: { 200: Import } },
    preHandler: admins
  }, async (request) => {
    const cancelled = await cancelImport(request.db, request.params.id, requestedBy(request))
    await services.storage.delete(fileKey({ tenantId: request.tenant.id, importId: cancelled.id }))
    announceEvents(services, request.tenant.id)
    return toWire(cancelled)
  })
}
