// The production app over a registry of its own, for tests of what is answered before any tenant is looked at.
import { randomBytes } from 'node:crypto'
import { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { pino } from 'pino'
import { buildApp } from '../../src/app.js'
import { type Clock, systemClock } from '../../src/clock.js'
import { type Config, loadConfig } from '../../src/config.js'
import { createMetrics } from '../../src/metrics.js'
import { openRegistry } from '../../src/registry/db.js'
import { migrateRegistry } from '../../src/registry/migrate.js'
import { type Services } from '../../src/services.js'
import { testServer } from '../helpers/test-server.js'
import { signingKey } from './post-telnyx.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

export interface IngressGround { app: FastifyInstance, pool: pg.Pool, services: Services }

export async function ingressGround (t: Teardown, settings: Partial<Config> = {}, clock: Clock = systemClock): Promise<IngressGround> {
  const server = await testServer()
  const admin = new pg.Client(server.adminUrl)
  await admin.connect()
  const name = `ingress_${randomBytes(4).toString('hex')}`
  await admin.query(`CREATE DATABASE ${name}`)
  const url = new URL(server.adminUrl)
  url.pathname = `/${name}`
  const log = pino({ level: 'silent' })
  await migrateRegistry(url.href, log)
  const config: Config = { ...loadConfig({ NODE_ENV: 'test', LOG_LEVEL: 'silent', TELNYX_PUBLIC_KEY: signingKey.publicKey }), ...settings }
  const registry = openRegistry(url.href, config, log)
  // The ingress touches nothing else: the rest would only cost time.
  const services = { config, log, clock, metrics: createMetrics(), registry: registry.db, registryPool: registry.pool } as unknown as Services
  const app = await buildApp(services)
  t.teardown(async () => {
    await app.close()
    await registry.close()
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  })
  return { app, pool: registry.pool, services }
}
