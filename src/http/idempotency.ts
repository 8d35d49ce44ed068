// A POST that carries an Idempotency-Key is done once: asked again, it gets the first answer; what may have been done is never done again.
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type FieldCrypto, fieldCrypto } from '../crypto/fields.js'
import { problem } from '../errors.js'
import { type TenantDb } from '../tenancy/tenant.js'
import { everyRouteMayAnswer } from './openapi.js'

const keptForMilliseconds = 24 * 3600_000

interface Claim { key: string, route: string }
interface Answer { status: number, body: string }

/**
 * Registered before the tenant database, so that an answer is kept while the request still has its lease; keys are claimed in
 * each POST route, after the lease.
 */
export default fp(async (app: FastifyInstance) => {
  const claims = new WeakMap<FastifyRequest, Claim>()
  const fieldsOf = (request: FastifyRequest): FieldCrypto => fieldCrypto(app.services.keyring, request.actor.tenantId)

  everyRouteMayAnswer(app, ['VALIDATION_FAILED', 'IDEMPOTENCY_KEY_IN_USE', 'IDEMPOTENCY_KEY_REUSED'], ({ method }) => method === 'POST')
  app.addHook('onRoute', (route) => {
    if (route.method !== 'POST') return
    const others = route.preHandler === undefined ? [] : [route.preHandler].flat()
    route.preHandler = [async (request: FastifyRequest, reply: FastifyReply) => {
      const key = request.headers['idempotency-key']
      if (typeof key !== 'string') return
      const claim = { key: checkKey(key), route: `${request.actor.adminId} ${request.routeOptions.url ?? ''}` }
      const earlier = await claimKey(request.db, fieldsOf(request), claim, requestText(request), app.services.clock.now())
      if (earlier !== undefined) {
        return await reply.status(earlier.status).header('idempotency-replayed', 'true').type('application/json; charset=utf-8').send(earlier.body)
      }
      claims.set(request, claim)
    }, ...others]
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const claim = claims.get(request)
    if (claim === undefined) return
    claims.delete(request)
    if (reply.statusCode < 300) await keepAnswer(request.db, fieldsOf(request), claim, { status: reply.statusCode, body: typeof payload === 'string' ? payload : '' })
    // A refusal changed nothing, so the key is free again. After any other failure nobody knows what was done: the key stays taken.
    else if (reply.statusCode < 500) await freeKey(request.db, claim)
  })
}, { name: 'idempotency', dependencies: ['authentication'] })

function checkKey (key: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw problem('VALIDATION_FAILED', { errors: [{ path: '/headers/idempotency-key', message: 'must be 1 to 255 visible ASCII characters' }] })
}

/** @returns the earlier answer, or undefined when the key is now ours. */
async function claimKey (db: TenantDb, fields: FieldCrypto, { key, route }: Claim, requestText: string, now: Date): Promise<Answer | undefined> {
  const hash = fields.blindIndex(requestText)
  await db.deleteFrom('idempotency_keys').where('expires_at', '<', now).execute()
  const claimed = await db.insertInto('idempotency_keys')
    .values({ key, route, request_hash: hash, expires_at: new Date(now.getTime() + keptForMilliseconds) })
    .onConflict((conflict) => conflict.doNothing()).returning('key').executeTakeFirst()
  if (claimed !== undefined) return undefined
  const row = await db.selectFrom('idempotency_keys').select(['request_hash', 'response_status', 'response_cipher'])
    .where('key', '=', key).where('route', '=', route).executeTakeFirst()
  if (row === undefined) throw problem('IDEMPOTENCY_KEY_IN_USE')
  if (!row.request_hash.equals(hash)) throw problem('IDEMPOTENCY_KEY_REUSED')
  if (row.response_status === null || row.response_cipher === null) throw problem('IDEMPOTENCY_KEY_IN_USE')
  return { status: row.response_status, body: fields.decrypt(row.response_cipher) }
}

async function keepAnswer (db: TenantDb, fields: FieldCrypto, { key, route }: Claim, { status, body }: Answer): Promise<void> {
  await db.updateTable('idempotency_keys').set({ response_status: status, response_cipher: fields.encrypt(body) })
    .where('key', '=', key).where('route', '=', route).execute()
}

async function freeKey (db: TenantDb, { key, route }: Claim): Promise<void> {
  await db.deleteFrom('idempotency_keys').where('key', '=', key).where('route', '=', route).execute()
}

function requestText (request: FastifyRequest): string {
  return JSON.stringify([request.params, request.query, request.body])
}
