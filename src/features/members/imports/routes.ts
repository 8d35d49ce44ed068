// /api/members/imports: members from a CSV file.
import multipart from '@fastify/multipart'
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problem } from '../../../errors.js'
import { requestedBy } from '../../../http/audit.js'
import { requireRole } from '../../../http/require-role.js'
import { checkSessionBeforeUpload } from '../../../http/session-check.js'
import { IdParams } from '../../../http/wire.js'
import { announceEvents } from '../../events/record-event.js'
import { fileKey } from './plan-import.js'
import { cancelImport, toWire } from './read-imports.js'
import { importReadingRoutes } from './read-routes.js'
import { discardCsv, receiveCsv } from './receive-csv.js'
import { Import, ImportBody } from './schemas.js'
import { startImport } from './start-import.js'

const tags = ['members']
const admins = requireRole('primary', 'co_admin')
const faultsOfFiles = ['IMPORT_UPLOAD_MALFORMED', 'CSV_NOT_TEXT', 'CSV_ENCODING', 'CSV_EMPTY', 'CSV_HEADER_MISSING', 'CSV_PHONE_COLUMN_MISSING', 'CSV_MALFORMED', 'CSV_TOO_LARGE'] as const
const importing = 'curl -F file=@members.csv -F \'options={"dryRun": true}\' …: the file is checked from end to end before anything is imported, then imported in the background, one import at a time. ' +
  'Commas, semicolons, tabs and bars separate; UTF-8, UTF-16 with its mark and Windows-1252 are read. A row is imported whole or not at all. ' +
  'Phone numbers may have any spelling and are what tells people apart. Several tags or branches in one cell are separated by semicolons. ' +
  'Nobody is imported as opted in without optInSource, and nobody who has opted out ever; optIn cells that say so (opted_out, unsubscribed, stop) opt out. ' +
  'The file is deleted when the import has ended.'

export const memberImportRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app
  await app.register(multipart)
  await app.register(importReadingRoutes)
  app.decorateRequest('importUpload', null)

  app.post('/members/imports', {
    config: { errors: [...faultsOfFiles, 'IMPORT_UNFINISHED', 'STORAGE_UNAVAILABLE', 'ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'importMembers',
      tags,
      summary: 'Import members from a CSV file',
      description: importing,
      consumes: ['multipart/form-data'],
      body: ImportBody,
      response: { 202: Import }
    },
    preValidation: [checkSessionBeforeUpload(app), admins, receiveCsv(services)],
    // Once more: an upload takes its time.
    preHandler: admins,
    onSend: discardCsv
  }, async (request, reply) => {
    const { importUpload: upload, body } = request
    if (upload === null) throw problem('IMPORT_UPLOAD_MALFORMED')
    return reply.code(202).send(toWire(await startImport(services, request.db, request.tenant, upload, body.options ?? {}, requestedBy(request))))
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
