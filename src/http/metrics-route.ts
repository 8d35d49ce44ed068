// What the operator's monitoring reads: pools, budget, queue, sends and webhooks, per server and never per tenant.
import { timingSafeEqual } from 'node:crypto'
import { type FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { Gauge } from 'prom-client'
import { hashToken } from '../crypto/tokens.js'
import { problem } from '../errors.js'
import { type RegistryDb } from '../registry/db.js'
import { type Services } from '../services.js'
import { type ServerStats } from '../tenancy/server-connections.js'

export async function metricsRoute (app: FastifyInstance): Promise<void> {
  const { services } = app
  const expected = hashToken(services.config.OPERATOR_TOKEN)
  gaugeConnections(services)
  gaugeQueue(services)

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    const token = /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (!timingSafeEqual(hashToken(token), expected)) {
      throw problem('AUTHENTICATION_REQUIRED', { detail: 'Send Authorization: Bearer <OPERATOR_TOKEN>; the setting holds the token.' })
    }
    return await reply.type(services.metrics.registry.contentType).send(await services.metrics.registry.metrics())
  })
}

function gaugeConnections (services: Services): void {
  gaugeServers(services, {
    name: 'koinonia_database_connections',
    help: 'Connections by server: used, idle and the limit; and requests waiting for one.',
    label: 'state',
    read: ({ used, idle, limit, waiting }) => ({ used, idle, limit, waiting })
  })
  gaugeServers(services, {
    name: 'koinonia_database_connection_events_total',
    help: 'Connections opened, and taken from an idle tenant, since the start.',
    label: 'event',
    read: ({ opens, steals, breaker }) => ({ opened: opens, stolen: steals, breaker_open: breaker === 'closed' ? 0 : 1 })
  })
}

interface ServerGauge { name: string, help: string, label: string, read: (server: ServerStats) => Record<string, number> }

/** One value for each server and each key of what `read` returns. */
function gaugeServers ({ metrics, tenancy }: Services, { name, help, label, read }: ServerGauge): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: ['server', label],
    registers: [metrics.registry],
    collect () {
      for (const server of tenancy.stats().servers) {
        for (const [key, value] of Object.entries(read(server))) gauge.set({ server: server.server, [label]: key }, value)
      }
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
