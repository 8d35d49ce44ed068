// A POST that carries an Idempotency-Key is done once: asked again, it gets the first answer; what may have been done is never done again.
import { createHash } from 'node:crypto'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteHandlerMethod } from 'fastify'
import fp from 'fastify-plugin'
import { Problem, problem } from '../errors.js'
import { type TenantDb } from '../tenancy/tenant.js'

const keptForMilliseconds = 24 * 3600_000

interface Claim { key: string, route: string }

/** Wraps the POST handlers of its scope, so that it works on the request's own lease, between validation and answer. */
export default fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', (route) => {
    if (route.method !== 'POST') return
    const handler = route.handler
    route.handler = async function (request, reply) {
      const key = request.headers['idempotency-key']
      return typeof key === 'string' ? await answerOnce(key, handler.bind(this), request, reply) : await handler.call(this, request, reply)
    }
  })
}, { name: 'idempotency', dependencies: ['tenant-database'] })

async function answerOnce (key: string, handler: RouteHandlerMethod, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/headers/idempotency-key', message: 'must be 1 to 255 visible ASCII characters' }] })
  }
  const { db } = request
  const claim = { key, route: `${request.actor.adminId} ${request.routeOptions.url ?? ''}` }
  const earlier = await claimKey(db, claim, requestHash(request), request.server.services.clock.now())
  if (earlier !== undefined) return await reply.status(earlier.status).header('idempotency-replayed', 'true').send(earlier.body)
  try {
    const answer: unknown = await handler.call(request.server, request, reply)
    await db.updateTable('idempotency_keys')
      .set({ response_status: reply.statusCode, response_body: JSON.stringify(answer) })
      .where('key', '=', key).where('route', '=', claim.route).execute()
    return answer
  } catch (error) {
    // A refusal changed nothing, so the key is free again. After any other failure nobody knows what was done: the key stays taken.
    if (error instanceof Problem && error.status < 500) await freeKey(db, claim)
    throw error
  }
}

/** @returns the earlier answer, or undefined when the key is now ours. */
async function claimKey (db: TenantDb, { key, route }: Claim, hash: Buffer, now: Date): Promise<{ status: number, body: unknown } | undefined> {
  await db.deleteFrom('idempotency_keys').where('key', '=', key).where('route', '=', route).where('expires_at', '<', now).execute()
  const claimed = await db.insertInto('idempotency_keys')
    .values({ key, route, request_hash: hash, expires_at: new Date(now.getTime() + keptForMilliseconds) })
    .onConflict((conflict) => conflict.doNothing()).returning('key').executeTakeFirst()
  if (claimed !== undefined) return undefined
  const row = await db.selectFrom('idempotency_keys').select(['request_hash', 'response_status', 'response_body'])
    .where('key', '=', key).where('route', '=', route).executeTakeFirst()
  if (row === undefined) throw problem('IDEMPOTENCY_KEY_IN_USE')
  if (!row.request_hash.equals(hash)) throw problem('IDEMPOTENCY_KEY_REUSED')
  if (row.response_status === null || row.response_body === null) throw problem('IDEMPOTENCY_KEY_IN_USE')
  return { status: row.response_status, body: JSON.parse(row.response_body) as unknown }
}

async function freeKey (db: TenantDb, { key, route }: Claim): Promise<void> {
  await db.deleteFrom('idempotency_keys').where('key', '=', key).where('route', '=', route).execute()
}

function requestHash (request: FastifyRequest): Buffer {
  return createHash('sha256').update(JSON.stringify([request.params, request.query, request.body])).digest()
}
