// The heart of the service: decorates each request with its tenant and a Kysely bound to that tenant's database.
import { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Tenant, type TenantDb } from '../tenancy/tenant.js'
import { type TenantLease } from '../tenancy/tenancy.js'
import { everyRouteMayAnswer } from './openapi.js'

// On the request itself: a WeakMap with an entry for each request is dear to the garbage collector.
const held: unique symbol = Symbol('lease')

/** What whoever asks for a tenant's database may meet. */
export const tenantProblems = ['TENANT_NOT_FOUND', 'TENANT_SUSPENDED', 'TENANT_ARCHIVED', 'TENANT_MOVING', 'TENANT_BEHIND', 'DATABASE_BUSY', 'DATABASE_UNAVAILABLE'] as const

declare module 'fastify' {
  interface FastifyRequest {
    tenant: Tenant
    db: TenantDb
    [held]: TenantLease | null
    /** Gives the connection back before the answer: for a handler that is done with `db` and now waits for somebody else. */
    giveBackDatabase: () => void
  }
}

/**
 * Leases after validation, so a malformed request costs no connection, and gives back exactly once, when the answer goes out.
 * A caller who hangs up changes nothing: the handler finishes what it began, and its answer goes nowhere.
 */
export default fp(async (app: FastifyInstance) => {
  everyRouteMayAnswer(app, tenantProblems)
  app.decorateRequest('tenant')
  app.decorateRequest('db')
  app.decorateRequest(held, null)
  app.decorateRequest('giveBackDatabase', function (this: FastifyRequest) {
    this[held]?.release()
    this[held] = null
  })
  app.addHook('preHandler', (request, _reply, done) => {
    app.services.tenancy.lease(request.actor.tenantId).then((lease) => {
      request[held] = lease
      request.tenant = lease.tenant
      request.db = lease.db
      done()
    }, done)
  })
  app.addHook('onSend', (request, _reply, payload, done) => {
    request.giveBackDatabase()
    done(null, payload)
  })
}, { name: 'tenant-database', dependencies: ['authentication'] })
