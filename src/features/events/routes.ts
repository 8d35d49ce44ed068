// /api/events: what happens, as it happens.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { EventHub } from './event-hub.js'
import { hasEvent, newestEventId } from './queries.js'
import { eventAnswers, EventHeaders, EventQuery } from './schemas.js'

export const eventRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { listener, tenancy, log, announcer, metrics } = app.services
  const { sessionStates } = app
  const hub = new EventHub({ listener, tenancy, sessionStates, log, channel: announcer.channel })
  app.addHook('preClose', async () => { hub.close() })

  app.get('/events', {
    exposeHeadRoute: false,
    config: { errors: ['TOO_MANY_STREAMS'] },
    schema: {
      operationId: 'streamEvents',
      tags: ['events'],
      summary: 'Listen to what happens',
      description: 'Server-sent events: each has an id, a type and data of ids and counts; read what you need with the other operations. ' +
        'Without Last-Event-ID the stream begins now. Events are kept for seven days: an older Last-Event-ID gets a `reset` event, which says to read your lists anew. ' +
        '`message.progress` counts the recipients that came to a status since the one before; GET /api/messages/{id} has the totals. An event may come twice under one id, never out of order.',
      querystring: EventQuery,
      headers: EventHeaders,
      response: eventAnswers
    }
  }, async (request, reply) => {
    const { actor, db, query, headers } = request
    const stream = hub.open(actor, query.types === undefined ? undefined : new Set(query.types.split(',')))
    metrics.eventStreams.inc()
    stream.body.once('close', () => { metrics.eventStreams.dec() })
    try {
      // The stream hears of a revocation from here on, and this tells of one before.
      if (sessionStates.peek(actor) === undefined && await sessionStates.find(db, actor) === undefined) throw problem('SESSION_REVOKED')
      const { position, reset } = await findPlace(db, headers['last-event-id'])
      stream.begin(position, reset)
    } catch (error) {
      stream.body.destroy()
      throw error
    }
    request.giveBackDatabase()
    void hub.follow(stream, actor.tenantId)
    // nginx and its like would hold events back until a buffer is full.
    return await reply.type('text/event-stream').headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' }).send(stream.body)
  })
}

/** Where to go on. Beyond what is there lies the number of a database that has been restored since. */
async function findPlace (db: TenantDb, lastEventId: string | undefined): Promise<{ position: number, reset: boolean }> {
  const newest = await newestEventId(db)
  if (lastEventId === undefined || lastEventId === '') return { position: newest, reset: false }
  const last = /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : -1
  const isKnown = last === newest || (last > 0 && await hasEvent(db, last))
  return isKnown ? { position: last, reset: false } : { position: newest, reset: true }
}
