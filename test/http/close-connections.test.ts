// Stopping while requests are answered.
import t from 'tap'
import Fastify from 'fastify'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import closeConnections from '../../src/http/close-connections.js'

await t.test('a request in flight is answered, and its kept-alive connection does not keep the server from closing', async (t) => {
  const app = Fastify({ forceCloseConnections: 'idle' })
  await app.register(closeConnections)
  app.get('/slow', async () => {
    await pause(300)
    return { answered: true }
  })
  const url = await app.listen({ port: 0 })
  const answer = fetch(`${url}/slow`, { headers: { connection: 'keep-alive' } })
  await pause(100)
  const closed = app.close()
  t.strictSame(await (await answer).json(), { answered: true })
  t.equal(await Promise.race([closed.then(() => 'closed'), pause(3_000, 'still open', { ref: false })]), 'closed')
})

await t.test('a connection opened ahead of a request that never comes does not keep the server from closing', async (t) => {
  const app = Fastify({ forceCloseConnections: 'idle' })
  await app.register(closeConnections)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  await pause(50)
  t.equal(await Promise.race([app.close().then(() => 'closed'), pause(3_000, 'still open', { ref: false })]), 'closed')
})
