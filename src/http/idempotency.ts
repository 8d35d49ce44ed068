// A POST that carries an Idempotency-Key is done once: asked again, it gets the first answer; what may have been done is never done again.
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type FieldCrypto, fieldCrypto } from '../crypto/fields.js'
import { type TenantDb } from '../tenancy/tenant.js'
import { answersKeptForMs, answerUnder, idempotencyKeyOf, idempotencyProblems, markReplayed, requestText } from './idempotency-key.js'
import { everyRouteMayAnswer } from './openapi.js'

interface Claim { key: string, route: string }
interface Answer { status: number, body: string }

/**
 * Registered before the tenant database, so that an answer is kept while the request still has its lease; keys are claimed in
 * each POST route, after the lease.
 */
export default fp(async (app: FastifyInstance) => {
  const claims = new WeakMap<FastifyRequest, Claim>()
  const fieldsOf = (request: FastifyRequest): FieldCrypto => fieldCrypto(app.services.keyring, request.actor.tenantId)

  everyRouteMayAnswer(app, idempotencyProblems, ({ method }) => method === 'POST')
  app.addHook('onRoute', (route) => {
    if (route.method !== 'POST') return
    const others = route.preHandler === undefined ? [] : [route.preHandler].flat()
    route.preHandler = [async (request: FastifyRequest, reply: FastifyReply) => {
      const key = idempotencyKeyOf(request)
      if (key === undefined) return
      const claim = { key, route: `${request.actor.adminId} ${request.routeOptions.url ?? ''}` }
      const earlier = await claimKey(request.db, fieldsOf(request), claim, requestText(request), app.services.clock.now())
      if (earlier !== undefined) {
        return await markReplayed(reply.status(earlier.status)).type('application/json; charset=utf-8').send(earlier.body)
      }
      claims.set(request, claim)
    }, ...others]
  })

  const settle = async (claim: Claim, request: FastifyRequest, { statusCode: status }: FastifyReply, payload: unknown): Promise<void> => {
    if (status < 300) await keepAnswer(request.db, fieldsOf(request), claim, { status, body: typeof payload === 'string' ? payload : '' })
    // A refusal changed nothing, so the key is free again. After any other failure nobody knows what was done: the key stays taken.
    else if (status < 500) await freeKey(request.db, claim)
  }
  app.addHook('onSend', (request, reply, payload, done) => {
    const claim = claims.get(request)
    if (claim === undefined) {
      done(null, payload)
      return
    }
    claims.delete(request)
    settle(claim, request, reply, payload).then(() => { done(null, payload) }, done)
  })
}, { name: 'idempotency', dependencies: ['authentication'] })

/** @returns the earlier answer, or undefined when the key is now ours. */
async function claimKey (db: TenantDb, fields: FieldCrypto, { key, route }: Claim, text: string, now: Date): Promise<Answer | undefined> {
  const hash = fields.blindIndex(text)
  await db.deleteFrom('idempotency_keys').where('expires_at', '<', now).execute()
  const claimed = await db.insertInto('idempotency_keys')
    .values({ key, route, request_hash: hash, expires_at: new Date(now.getTime() + answersKeptForMs) })
    .onConflict((conflict) => conflict.doNothing()).returning('key').executeTakeFirst()
  if (claimed !== undefined) return undefined
  const row = await db.selectFrom('idempotency_keys').select(['request_hash', 'response_status', 'response_cipher'])
    .where('key', '=', key).where('route', '=', route).executeTakeFirst()
  const { status, cipher } = answerUnder(row && { requestHash: row.request_hash, answer: answerIn(row) }, hash)
  return { status, body: fields.decrypt(cipher) }
}

function answerIn ({ response_status: status, response_cipher: cipher }: { response_status: number | null, response_cipher: Buffer | null }) {
  return status === null || cipher === null ? null : { status, cipher }
}

async function keepAnswer (db: TenantDb, fields: FieldCrypto, { key, route }: Claim, { status, body }: Answer): Promise<void> {
  await db.updateTable('idempotency_keys').set({ response_status: status, response_cipher: fields.encrypt(body) })
    .where('key', '=', key).where('route', '=', route).execute()
}

async function freeKey (db: TenantDb, { key, route }: Claim): Promise<void> {
  await db.deleteFrom('idempotency_keys').where('key', '=', key).where('route', '=', route).execute()
}
