// /api/recurring-messages
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { type ProblemCode } from '../../errors.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { changeRecurring, createRecurring, deleteRecurring, setRecurringActive, skipOccurrence } from './change-recurring.js'
import { getRecurring, listPastOccurrences, listRecurring, nextTen } from './read-recurring.js'
import { scheduleOf } from './schedule-of.js'
import { NewRecurring, OccurrenceDate, PastOccurrence, Recurring, RecurringChanges, RecurringPreview, RecurringQuery, RecurringSchedule, RecurringWithNext } from './schemas.js'
import { settleSchedule } from './settle-schedule.js'

const tags = ['recurring messages']
const contentErrors: ProblemCode[] = ['BRANCH_NOT_FOUND', 'MEDIA_NOT_FOUND', 'MEMBER_NOT_FOUND', 'SEGMENT_NOT_FOUND', 'TAG_NOT_FOUND', 'TEMPLATE_NOT_FOUND', 'TEXT_TOO_LONG', 'TOPIC_NOT_FOUND']

export const recurringRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { services } = app
  const fieldsOf = (request: FastifyRequest) => fieldCrypto(services.keyring, request.actor.tenantId)
  const read = async (request: FastifyRequest, id: string) => await getRecurring(request.db, id, services.clock.now())

  app.post('/recurring-messages', {
    config: { errors: contentErrors },
    schema: {
      operationId: 'createRecurring',
      tags,
      summary: 'Text many members again and again',
      description: 'Each occurrence becomes a message of its own, to whoever is in the audience at that time. After a time without service the latest one that was missed is still sent if it is not older than the operator\'s RECURRING_GRACE_MINUTES.',
      body: NewRecurring,
      response: { 201: RecurringWithNext }
    }
  }, async (request, reply) => {
    const id = await createRecurring(services, request.db, request.tenant, request.body, requestedBy(request))
    reply.code(201)
    return await read(request, id)
  })

  app.post('/recurring-messages/preview', {
    schema: { operationId: 'previewRecurring', tags, summary: 'Show the next ten occurrences of a rule before it is saved', body: RecurringSchedule, response: { 200: RecurringPreview } }
  }, async (request) => {
    const now = services.clock.now()
    return { nextOccurrences: nextTen(scheduleOf(settleSchedule({ startDate: undefined, timeZone: undefined, skippedDates: undefined, ...request.body }, request.tenant.timeZone, now)), now) }
  })

  app.get('/recurring-messages', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listRecurring', tags, summary: 'List the recurring messages, the oldest first', querystring: RecurringQuery, response: { 200: pageOf(Recurring) } }
  }, async (request) => await listRecurring(request.db, fieldsOf(request), request.query))

  app.get('/recurring-messages/:id', {
    config: { errors: ['RECURRENCE_NOT_FOUND'] },
    schema: { operationId: 'getRecurring', tags, summary: 'Read a recurring message and its next ten occurrences', params: IdParams, response: { 200: RecurringWithNext } }
  }, async (request) => await read(request, request.params.id))

  app.get('/recurring-messages/:id/occurrences', {
    config: { errors: ['RECURRENCE_NOT_FOUND', 'CURSOR_INVALID'] },
    schema: {
      operationId: 'listPastOccurrences', tags, summary: 'List what became of its occurrences, the latest first', params: Type.Object(IdParams.properties), querystring: RecurringQuery, response: { 200: pageOf(PastOccurrence) }
    }
  }, async (request) => await listPastOccurrences(request.db, fieldsOf(request), request.params.id, request.query))

  app.patch('/recurring-messages/:id', {
    config: { errors: ['RECURRENCE_NOT_FOUND', ...contentErrors] },
    schema: { operationId: 'changeRecurring', tags, summary: 'Change a recurring message', description: 'From its next occurrence on; what it has sent stays as it is.', params: IdParams, body: RecurringChanges, response: { 200: RecurringWithNext } }
  }, async (request) => {
    await changeRecurring(services, request.db, request.tenant, request.params.id, request.body, requestedBy(request))
    return await read(request, request.params.id)
  })

  for (const [verb, isActive, summary, description] of [
    ['pause', false, 'Pause a recurring message', 'Its occurrences pass until it is resumed.'],
    ['resume', true, 'Resume a recurring message', 'It goes on with the first occurrence to come.']
  ] as const) {
    app.post(`/recurring-messages/:id/${verb}`, {
      config: { errors: ['RECURRENCE_NOT_FOUND'] },
      schema: { operationId: `${verb}Recurring`, tags, summary, description, params: IdParams, response: { 200: RecurringWithNext } }
    }, async (request) => {
      await setRecurringActive(services, request.db, request.tenant, request.params.id, isActive, requestedBy(request))
      return await read(request, request.params.id)
    })
  }

  for (const [verb, skip, summary] of [['skip', true, 'Leave out one occurrence'], ['restore', false, 'Take back that an occurrence is left out']] as const) {
    app.post(`/recurring-messages/:id/${verb}`, {
      config: { errors: ['RECURRENCE_NOT_FOUND', 'OCCURRENCE_NOT_FOUND'] },
      schema: { operationId: `${verb}Occurrence`, tags, summary, params: IdParams, body: OccurrenceDate, response: { 200: RecurringWithNext } }
    }, async (request) => {
      await skipOccurrence(services, request.db, request.tenant, request.params.id, request.body.date, skip, requestedBy(request))
      return await read(request, request.params.id)
    })
  }

  app.delete('/recurring-messages/:id', {
    config: { errors: ['RECURRENCE_NOT_FOUND'] },
    schema: { operationId: 'deleteRecurring', tags, summary: 'Delete a recurring message', description: 'What it has sent stays.', params: IdParams, response: { 204: Type.Null() } }
  }, async (request, reply) => {
    await deleteRecurring(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}
