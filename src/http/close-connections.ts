// Lets a stop end: a connection whose last answer goes out while the server closes is not kept alive for another minute.
import { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Socket } from 'node:net'

const lookMilliseconds = 50

/**
 * Node closes what is idle when the closing begins; what becomes idle afterwards is closed here, and what was opened ahead of
 * a request that never came, which Node does not count as idle. Requests in flight are answered.
 */
export default fp(async (app: FastifyInstance) => {
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => { sockets.delete(socket) })
  })
  app.addHook('preClose', async () => {
    const timer = setInterval(() => {
      app.server.closeIdleConnections()
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    }, lookMilliseconds)
    app.server.once('close', () => { clearInterval(timer) })
    if (!app.server.listening) clearInterval(timer)
  })
}, { name: 'close-connections' })
