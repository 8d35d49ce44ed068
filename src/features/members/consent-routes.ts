// /api/members/:id/consent
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { announceEvents } from '../events/record-event.js'
import { wakeDispatch } from '../messages/wake-dispatch.js'
import { GENERAL } from './consent.js'
import { ConsentEntry, ConsentListQuery, NewConsent } from './consent-schemas.js'
import { addConsent, listConsent } from './members-consent.js'
import { prepareWelcome } from './welcome.js'

const tags = ['members']

export const consentRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/members/:id/consent', {
    config: { errors: ['MEMBER_NOT_FOUND', 'CURSOR_INVALID'] },
    schema: {
      operationId: 'listConsent',
      tags,
      summary: 'List the consent on record for a member, the latest first',
      description: 'All that was said from their phone number, also before they were a member, and under numbers they had before. Nothing of it can be changed or deleted. The last word on each topic counts.',
      params: IdParams,
      querystring: ConsentListQuery,
      response: { 200: pageOf(ConsentEntry) }
    }
  }, async (request) => listConsent(request.db, fieldCrypto(app.services.keyring, request.actor.tenantId), request.params.id, request.query))

  app.post('/members/:id/consent', {
    config: { errors: ['MEMBER_NOT_FOUND', 'MEMBER_OPTED_OUT'] },
    schema: {
      operationId: 'addConsent',
      tags,
      summary: 'Put consent on record',
      description: 'For texts in general (topic messages, the default) it does what optIn and optOut of PATCH /api/members/:id do. A message of a further topic goes only to those who have been granted it here. It can be withdrawn and granted again: a withdrawal cancels what waits of the topic. STOP closes every topic; after it, and once they have opted in again, each needs a new grant.',
      params: IdParams,
      body: NewConsent,
      response: { 201: ConsentEntry }
    }
  }, async (request, reply) => {
    const { topic = GENERAL, action } = request.body
    const welcome = topic === GENERAL && action === 'granted' ? await prepareWelcome(app.services, request.db, request.tenant) : null
    const entry = await addConsent(request.db, request.params.id, request.body, requestedBy(request), welcome)
    announceEvents(app.services, request.actor.tenantId)
    if (welcome !== null) await wakeDispatch(app.services, request.tenant.id)
    return reply.code(201).send(entry)
  })
}
