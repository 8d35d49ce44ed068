// Whether the process lives, and whether it can do its work: for load balancers and orchestrators.
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { sql } from 'kysely'
import { Type } from 'typebox'

const checkMilliseconds = 1_000

const Readiness = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready')]),
  checks: Type.Record(Type.String(), Type.String({ description: 'ok, or what is wrong.' }))
})

export const healthRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { registry, listener, tenancy } = app.services

  app.get('/health/live', {
    schema: { operationId: 'getLiveness', tags: ['health'], summary: 'Whether the process answers', response: { 200: Type.Object({ status: Type.Literal('ok') }) } }
  }, () => ({ status: 'ok' as const }))

  app.get('/health/ready', {
    schema: { operationId: 'getReadiness', tags: ['health'], summary: 'Whether requests can be served', response: { 200: Readiness, 503: Readiness } }
  }, async (_request, reply) => {
    const checks: Record<string, string> = {
      registry: await answersInTime(sql`SELECT 1`.execute(registry)),
      changes: listener.isConnected ? 'ok' : 'not listening for changes; every look-up goes to the registry until it is back'
    }
    for (const server of tenancy.stats().servers) checks[`server ${server.server}`] = server.breaker === 'closed' ? 'ok' : `breaker ${server.breaker}`
    const ready = checks['registry'] === 'ok'
    return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not_ready', checks })
  })
}

async function answersInTime (query: Promise<unknown>): Promise<string> {
  const late = new Promise<string>((resolve) => setTimeout(resolve, checkMilliseconds, `no answer within ${checkMilliseconds} ms`).unref())
  return await Promise.race([query.then(() => 'ok', () => 'cannot be reached'), late])
}
