// The carrier inside another Fastify application: it must not change its host, nor its host the carrier.
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import t from 'tap'
import { carrier, carrierApiPath } from '../../src/sandbox/carrier/carrier.js'

await t.test('Registered on a host, the carrier keeps to /sandbox and the host keeps its own ways', async (t) => {
  const lines: string[] = []
  const app = fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  t.teardown(() => app.close())
  await app.register(helmet)
  await app.register(rateLimit, { max: 2 })
  await app.register(swagger, { openapi: { openapi: '3.1.0' } })
  app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ host: true }))
  await app.register(carrier, { deliver: false })
  app.get('/own', async () => { throw new Error('The host handles this') })

  t.equal((await app.inject('/own')).statusCode, 418)
  t.same(Object.keys(app.swagger().paths ?? {}), ['/own'])
  t.equal((await app.inject({ method: 'POST', url: `${carrierApiPath}/messages` })).statusCode, 401)
  t.match((await app.inject({ url: `${carrierApiPath}/elsewhere`, headers: { authorization: 'Bearer k' } })).json(), { errors: [{ code: '10005' }] })
  const page = await app.inject('/sandbox')
  t.match(page.headers['content-security-policy'], /default-src 'none'/)
  for (let call = 0; call < 5; call++) {
    t.equal((await app.inject('/sandbox/messages?to=%2B16155550142')).statusCode, 200, 'the host rations others, not the sandbox')
  }
  t.notMatch(lines.join(''), /16155550142/, 'no phone number in the log')
})

await t.test('A page that listens does not keep the host from closing', async (t) => {
  const app = fastify()
  await app.register(carrier, {})
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const feed = await fetch(`${url}/sandbox/events`)
  const reader = feed.body!.pipeThrough(new TextDecoderStream()).getReader()
  const first = await reader.read()
  t.match(first.value, /^event: snapshot\ndata: \{"numbers":\[\],"texts":\[\]/)
  await app.close()
  t.equal((await reader.read()).done, true)
})
