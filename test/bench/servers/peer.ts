// What the peers that are written in this repository share.
import { type FastifyInstance } from 'fastify'

export interface PeerRow { phone: string, [column: string]: unknown }

/** Peers do not decrypt: each answers the same number. */
export const phone = '+16155550123'

/** Listens, tells the parent the port, and ends with it. */
export async function serveUntilAsked (app: FastifyInstance): Promise<void> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ port: Number(new URL(url).port) })
}
