// A port nobody listens on, for what must know its address before it listens.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Another process may take it before the caller does, who then hears EADDRINUSE. */
export async function freePort (host = '127.0.0.1'): Promise<number> {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
