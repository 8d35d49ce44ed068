// /api/settings
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { requestedBy } from '../../http/audit.js'
import { requireRole } from '../../http/require-role.js'
import { changeMessagingSettings, readMessagingSettings } from './messaging-settings.js'
import { changePhoneSettings, readPhoneSettings } from './phone-country.js'
import { MessagingChanges, MessagingSettings, PhoneChanges, PhoneSettings } from './schemas.js'

const tags = ['settings']

export const settingsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/settings/messaging', {
    schema: { operationId: 'readMessagingSettings', tags, summary: 'Read what the organization says by itself', response: { 200: MessagingSettings } }
  }, async (request) => await readMessagingSettings(request.db))

  app.patch('/settings/messaging', {
    preHandler: requireRole('primary', 'co_admin'),
    config: { errors: ['ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'changeMessagingSettings',
      tags,
      summary: 'Change what the organization says by itself',
      description: 'A text without the wording that carriers ask for is refused. What is left out stays as it is.',
      body: MessagingChanges,
      response: { 200: MessagingSettings }
    }
  }, async (request) => await changeMessagingSettings(request.db, request.body, requestedBy(request)))

  app.get('/settings/phones', {
    schema: { operationId: 'readPhoneSettings', tags, summary: 'Read where phone numbers without a country code are taken to be', response: { 200: PhoneSettings } }
  }, async (request) => await readPhoneSettings(request.db, request.tenant))

  app.patch('/settings/phones', {
    preHandler: requireRole('primary', 'co_admin'),
    config: { errors: ['ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'changePhoneSettings',
      tags,
      summary: 'Set where phone numbers without a country code are taken to be',
      description: 'For what is written, searched and imported from now on.',
      body: PhoneChanges,
      response: { 200: PhoneSettings }
    }
  }, async (request) => await changePhoneSettings(request.db, request.tenant, request.body, requestedBy(request)))
}
