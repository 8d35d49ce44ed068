// /api/quiet-hours
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { requestedBy } from '../../http/audit.js'
import { requireRole } from '../../http/require-role.js'
import { changeQuietHours } from './change-quiet-hours.js'
import { readOwnHours } from './queries.js'
import { QuietHours, QuietHoursChanges } from './schemas.js'

const tags = ['quiet hours']

export const quietHourRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/quiet-hours', {
    schema: {
      operationId: 'getQuietHours',
      tags,
      summary: 'Read in which hours broadcasts leave',
      description: 'By law from 8:00 to 21:00 on the recipient\'s clocks; to 20:00 in Florida, Maryland and Oklahoma; from 9:00, and from noon on Sundays, in Texas. What falls outside is put off, never dropped.',
      response: { 200: QuietHours }
    }
  }, async (request) => ({ own: await readOwnHours(request.db), timeZone: request.tenant.timeZone }))

  app.patch('/quiet-hours', {
    preHandler: requireRole('primary', 'co_admin'),
    config: { errors: ['ROLE_INSUFFICIENT'] },
    schema: {
      operationId: 'changeQuietHours',
      tags,
      summary: 'Narrow the hours in which broadcasts leave, or set the organization\'s zone',
      description: 'They can only narrow those of the law. For what is queued from now on.',
      body: QuietHoursChanges,
      response: { 200: QuietHours }
    }
  }, async (request) => await changeQuietHours(app.services, request.db, request.tenant, request.body, requestedBy(request)))
}
