// What the service counts about itself, in Prometheus's terms: per server and per kind, never per tenant.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics () {
  const registry = new Registry()
  const registers = [registry]
  // Without a prefix of ours: process_… and nodejs_… are what every dashboard of Node.js asks for.
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    httpDuration: new Histogram({
      name: 'koinonia_http_request_duration_seconds',
      help: 'Time to answer a request.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers
    }),
    waits: new Histogram({
      name: 'koinonia_database_wait_seconds',
      help: 'How long who found no free connection stood in line for one, served or not.',
      labelNames: ['server'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers
    }),
    catchUps: new Counter({ name: 'koinonia_tenant_catch_ups_total', help: 'Tenants migrated because a request came, by outcome.', labelNames: ['outcome'], registers }),
    eventStreams: new Gauge({ name: 'koinonia_event_streams', help: 'Listeners to /api/events.', registers }),
    jobs: new Counter({ name: 'koinonia_jobs_total', help: 'Background jobs by name and outcome.', labelNames: ['job', 'outcome'], registers }),
    sends: new Counter({ name: 'koinonia_sends_total', help: 'Texts handed to the carrier by outcome.', labelNames: ['outcome'], registers }),
    deadLetters: new Counter({ name: 'koinonia_dead_letters_total', help: 'What was left to a person to decide, by category.', labelNames: ['category'], registers }),
    webhooks: new Counter({ name: 'koinonia_webhooks_total', help: 'Webhooks received by provider and outcome.', labelNames: ['provider', 'outcome'], registers })
  }
}
