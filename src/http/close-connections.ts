// Lets a stop end: a connection whose last answer goes out while the server closes is not kept alive for another minute.
import { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const lookMilliseconds = 50

/** Node closes what is idle when the closing begins; what becomes idle afterwards is closed here. Requests in flight are answered. */
export default fp(async (app: FastifyInstance) => {
  app.addHook('preClose', async () => {
    const timer = setInterval(() => { app.server.closeIdleConnections() }, lookMilliseconds)
    app.server.once('close', () => { clearInterval(timer) })
    if (!app.server.listening) clearInterval(timer)
  })
}, { name: 'close-connections' })
