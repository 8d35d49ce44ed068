// Stopping while requests are answered.
import t from 'tap'
import Fastify from 'fastify'
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
