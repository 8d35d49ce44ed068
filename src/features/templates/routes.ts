// /api/templates
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { changeTemplate, createTemplate, deleteTemplate } from './change-templates.js'
import { listTemplates, readTemplate } from './read-templates.js'
import { NewTemplate, Template, TemplateChanges, TemplateQuery } from './schemas.js'

const tags = ['templates']

export const templateRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/templates', {
    config: { errors: ['TEMPLATE_NAME_TAKEN'] },
    schema: { operationId: 'createTemplate', tags, summary: 'Save a template', description: 'A variable that does not exist is refused.', body: NewTemplate, response: { 201: Template } }
  }, async (request, reply) => {
    const id = await createTemplate(request.db, request.body, requestedBy(request))
    reply.code(201)
    return await readTemplate(request.db, id)
  })

  app.get('/templates', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listTemplates', tags, summary: 'List the templates, by name', description: 'A new organization has some to begin with.', querystring: TemplateQuery, response: { 200: pageOf(Template) } }
  }, async (request) => await listTemplates(request.db, fieldCrypto(app.services.keyring, request.actor.tenantId), request.query))

  app.get('/templates/:id', {
    config: { errors: ['TEMPLATE_NOT_FOUND'] },
    schema: { operationId: 'getTemplate', tags, summary: 'Read a template', params: IdParams, response: { 200: Template } }
  }, async (request) => await readTemplate(request.db, request.params.id))

  app.patch('/templates/:id', {
    config: { errors: ['TEMPLATE_NOT_FOUND', 'TEMPLATE_NAME_TAKEN'] },
    schema: {
      operationId: 'changeTemplate',
      tags,
      summary: 'Change a template',
      description: 'Messages made from it before, scheduled ones too, stay as they are.',
      params: IdParams,
      body: TemplateChanges,
      response: { 200: Template }
    }
  }, async (request) => {
    await changeTemplate(request.db, request.params.id, request.body, requestedBy(request))
    return await readTemplate(request.db, request.params.id)
  })

  app.delete('/templates/:id', {
    config: { errors: ['TEMPLATE_NOT_FOUND'] },
    schema: { operationId: 'deleteTemplate', tags, summary: 'Delete a template', description: 'Messages made from it stay.', params: IdParams, response: { 204: Type.Null() } }
  }, async (request, reply) => {
    await deleteTemplate(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}
