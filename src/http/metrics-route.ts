// What the operator's monitoring reads: pools, budget, queue, sends and webhooks, per server and never per tenant.
import { timingSafeEqual } from 'node:crypto'
import { type FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { Counter, Gauge } from 'prom-client'
import { hashToken } from '../crypto/tokens.js'
import { problem } from '../errors.js'
import { type RegistryDb } from '../registry/db.js'
import { type Services } from '../services.js'

export async function metricsRoute (app: FastifyInstance): Promise<void> {
  const { services } = app
  const expected = hashToken(services.config.OPERATOR_TOKEN)
  showConnections(services)
  gaugeQueue(services)

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    const token = /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (!timingSafeEqual(hashToken(token), expected)) {
      throw problem('AUTHENTICATION_REQUIRED', { detail: 'Send Authorization: Bearer <OPERATOR_TOKEN>; the setting holds the token.' })
    }
    return await reply.type(services.metrics.registry.contentType).send(await services.metrics.registry.metrics())
  })
}

function showConnections ({ metrics, tenancy }: Services): void {
  const registers = [metrics.registry]
  const connections = new Gauge({
    name: 'koinonia_database_connections',
    help: 'Connections by server: used, idle and the limit; and requests waiting for one.',
    labelNames: ['server', 'state'],
    registers,
    collect () {
      for (const { server, used, idle, limit, waiting } of tenancy.stats().servers) {
        for (const [state, value] of Object.entries({ used, idle, limit, waiting })) connections.set({ server, state }, value)
      }
    }
  })
  const events = new Counter({
    name: 'koinonia_database_connection_events_total',
    help: 'Connections opened, and taken from an idle tenant, since the start.',
    labelNames: ['server', 'event'],
    registers,
    collect () {
      // The budget counts from the start of the process: its totals are taken over whole.
      events.reset()
      for (const { server, opens, steals } of tenancy.stats().servers) {
        events.inc({ server, event: 'opened' }, opens)
        events.inc({ server, event: 'stolen' }, steals)
      }
    }
  })
  const breakers = new Gauge({
    name: 'koinonia_database_breaker_open',
    help: '1 while a server is left alone because it did not let us in, else 0.',
    labelNames: ['server'],
    registers,
    collect () {
      for (const { server, breaker } of tenancy.stats().servers) breakers.set({ server }, breaker === 'closed' ? 0 : 1)
    }
  })
}

function gaugeQueue ({ metrics, registry, log }: Services): void {
  const gauge = new Gauge({
    name: 'koinonia_queue',
    help: 'Background jobs ready and given up, and webhook events waiting.',
    labelNames: ['state'],
    registers: [metrics.registry],
    async collect () {
      gauge.reset()
      const rows = await countQueue(registry).catch((error: unknown) => {
        // The other series are wanted most when the registry is away.
        log.warn({ err: error }, 'the queue could not be counted')
        return []
      })
      for (const { state, count } of rows) gauge.set({ state }, Number(count))
    }
  })
}

async function countQueue (registry: RegistryDb): Promise<Array<{ state: string, count: string }>> {
  const { rows } = await sql<{ state: string, count: string }>`
    SELECT 'jobs_ready' AS state, count(*) FROM graphile_worker.jobs WHERE run_at <= now() AND attempts < max_attempts
    UNION ALL SELECT 'jobs_dead', count(*) FROM graphile_worker.jobs WHERE attempts >= max_attempts
    UNION ALL SELECT 'webhooks_waiting', count(*) FROM webhook_events WHERE status = 'received'
    UNION ALL SELECT 'webhooks_failed', count(*) FROM webhook_events WHERE status = 'failed'`.execute(registry)
  return rows
}
